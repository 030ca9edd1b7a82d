"""Aligning a language model, top to bottom: sample, judge, fit, measure, and again; each phase whole or not at all.

In `out` lie the settings (`alignment.json`), the policy before alignment (`instruction`, where it is tuned first), and
for each iteration a folder: `samples.jsonl` (what the last policy answered), `judged.jsonl` (the same with what the
guide says and how likely past policies are to give them), `policy` (the fitted model), `fit.json`, `held-out.jsonl` and
`measured.json`. What is there is not made again, so a killed run goes on where it was.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol, cast, get_args

import numpy as np
import torch

from polypref.alignment.config import AlignmentConfig
from polypref.alignment.fitting import fit, log_probs_of, mean_step
from polypref.alignment.guidance import check_reward, leads
from polypref.alignment.measuring import Measured, measure
from polypref.alignment.methods import Method, make_method
from polypref.alignment.reinforcement import Reinforcement, Trainer, reinforce
from polypref.alignment.samples import Samples, differing, load_samples, save_samples
from polypref.alignment.sampling import Sampling, sample
from polypref.errors import PolyprefError
from polypref.files import write_whole
from polypref.groups.model import Group, shown
from polypref.groups.sources import load_groups
from polypref.groups.splitting import check_parts, prompt_key, split_groups
from polypref.models.adapters import Lora
from polypref.models.answer import Answer
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.models.folders import LAST
from polypref.models.preference_model import PreferenceModel
from polypref.training.instruction import tune
from polypref.training.progress import Report

CONFIG, FIT = "alignment.json", "fit.json"
BEFORE = "before"  # how the log-probabilities of the policy before alignment are named
_INSTRUCTION, _POLICY = "instruction", "policy"
_FITTED = ("log-odds", "expected", "quantile", "tail")  # rewards that the regression can follow
_OF_THE_RUN = frozenset("sampling share batch_size epochs learning_rate max_length lora seed trainer".split())
_EMPTY = 0.5  # of the samples; more are no answers to learn from


class AlignmentError(PolyprefError):
    """A run of alignment that cannot begin or go on."""


@dataclass(frozen=True)
class Aligned:
    """A finished run; `measured[0]` is the policy before alignment, where prompts were held out."""

    policy: Path  # a folder that transformers loads
    fits: list[Mapping[str, float | None]]
    measured: list[Measured]

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {**asdict(self), "policy": str(self.policy)}


class Guide(Protocol):
    """What judges samples: a `PreferenceModel`, or anything else that answers about groups."""

    def encode(self, groups: Iterable[Group]) -> Iterable[tuple[Group, Answer]]:
        """Each group with what is said of it, log-odds at least, in order."""


def align(config: AlignmentConfig, report: Report | None = None, guide: Guide | None = None) -> Aligned:
    """Let a language model learn from a preference model; finished parts in `config.out` are not made again.

    A `guide` that is handed over stands in for the one that `config.guide` names.
    """
    run = _Run(config, report or Report(), guide)
    run.begin()
    iterations = range(1, 2 if run.trainer else config.iterations + 1)
    for iteration in iterations:
        if run.trainer:
            run.reinforce()
            continue
        run.sample(iteration)
        run.judge(iteration)
        run.fit(iteration)
    measured = [run.measure(iteration) for iteration in (0, *iterations)] if run.held_out else []
    fits = [] if run.trainer else [json.loads((run.folder(at) / FIT).read_text()) for at in iterations]
    return Aligned(run.policy_of(iterations[-1]), fits, measured)


class _Run:
    """What the phases of a run share."""

    def __init__(self, config: AlignmentConfig, report: Report, guide: Guide | None) -> None:
        self.config = config
        self.given = guide
        self.report = report
        self.out = Path(config.out)
        self.trainer = config.method if config.method in get_args(Trainer) else None  # TRL's, in one iteration
        self._method = None if self.trainer else make_method(config.method, **config.method_settings)
        self.guides = [config.guide] if isinstance(config.guide, str) else list(config.guide)
        self._check()
        self.prompts, self.held_out = self._prompts()

    # — before anything is computed —

    def _check(self) -> None:
        config = self.config
        if config.sampling.max_tokens >= config.max_length:
            raise AlignmentError(
                f"answers of {config.sampling.max_tokens} tokens leave no room for a prompt in {config.max_length}: "
                "raise max_length, or lower sampling.max_tokens"
            )
        known = {field.name for field in fields(Reinforcement)} - _OF_THE_RUN
        wrong = sorted(config.method_settings.keys() - known) if self.trainer else []
        if wrong:
            raise AlignmentError(f"{self.trainer} has no setting {wrong[0]!r}; it has {', '.join(sorted(known))}")
        if self._method is not None and config.reward not in _FITTED:
            raise AlignmentError(
                f"{config.method} fits log-odds, or differences of what a sample is worth, and the reward is "
                f"{config.reward!r}; take one of {', '.join(_FITTED)}, or grpo or rloo"
            )
        if config.judge is not None and not config.guide_may_judge:
            same = [guide for guide in self.guides if _place(guide) == _place(config.judge)]
            if same:
                raise AlignmentError(
                    f"the judge {config.judge} is the guide, which says nothing of how good a policy is that it has "
                    "trained; name another judge, or set guide_may_judge"
                )

    def _prompts(self) -> tuple[list[Group], list[Group]]:
        """The prompts to learn from and those held out, each once; what people said about them is not looked at."""
        config = self.config
        prompts = _distinct(load_groups(list(config.prompts), columns=config.columns))
        if config.eval_prompts:
            held_out = _distinct(load_groups(list(config.eval_prompts), columns=config.columns))
            shared = {prompt_key(group) for group in prompts} & {prompt_key(group) for group in held_out}
            if shared:
                raise AlignmentError(
                    f"{len(shared)} of the eval_prompts are also learned from, such as {shown(min(shared))}: numbers "
                    "on them would say nothing; leave them out of one of the two"
                )
            return prompts, held_out
        if not config.eval_share:
            return prompts, []
        shares = {"train": 1 - config.eval_share, "held out": config.eval_share}
        parts = split_groups(prompts, shares, config.seed, purpose="held out")
        check_parts({name: len(part) for name, part in parts.items()}, config.seed)
        return parts["train"], parts["held out"]

    def begin(self) -> None:
        """Make the folder, check that it is of the same run, and tune the first policy on best responses if asked."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AlignmentError(f"cannot write {self.out}: {error.strerror}") from error
        if (self.out / CONFIG).exists():
            self._check_same()
        write_whole(self.out / CONFIG, self.config.to_json())
        sft = self.config.sft
        if sft is not None and not (self.out / _INSTRUCTION / LAST).exists():
            groups = load_groups(list(sft.data), columns=self.config.columns)
            unseen = {prompt_key(group) for group in self.held_out}
            groups = [group for group in groups if prompt_key(group) not in unseen]
            tune(sft, self.config.policy, groups, self.out / _INSTRUCTION, self.config.seed, self.report, self.loading)

    def _check_same(self) -> None:
        """More iterations and another judge may be asked for; nothing else may change."""
        before = json.loads((self.out / CONFIG).read_text(encoding="utf-8"))
        now = json.loads(self.config.to_json())
        free = {"iterations", "judge", "guide_may_judge", "out"}
        changed = sorted(name for name in now.keys() - free if before.get(name) != now[name])
        if changed:
            raise AlignmentError(
                f"{self.out} was begun with other settings for {', '.join(changed)}; go on with the same, or choose "
                "another --out"
            )

    @property
    def method(self) -> Method:
        assert self._method is not None
        return self._method

    # — places —

    def folder(self, iteration: int) -> Path:
        return self.out / f"iteration-{iteration}"

    def policy_of(self, iteration: int) -> Path:
        """The policy after an iteration; 0 is the one before alignment."""
        if iteration:
            return self.folder(iteration) / _POLICY
        return self.out / _INSTRUCTION if self.config.sft is not None else Path(self.config.policy)

    @staticmethod
    def name_of(iteration: int) -> str:
        """How the log-probabilities of a policy are named."""
        return str(iteration) if iteration else BEFORE

    @property
    def loading(self) -> BackboneSettings:
        return BackboneSettings(dtype=self.config.dtype, trust_remote_code=self.config.trust_remote_code)

    def load(self, iteration: int, learns: bool = False) -> LanguageModel:
        """The policy after an iteration, with adapters to be trained if it learns and they are asked for.

        One that learns does so in single precision: half of it would round small steps away.
        """
        lora = self.config.lora
        adapters = Lora(lora.rank, lora.alpha, lora.targets or "all-linear") if learns and lora is not None else None
        place = self.policy_of(iteration)
        name = str(place) if iteration or self.config.sft is not None else self.config.policy
        return LanguageModel.from_pretrained(
            name,
            max_length=self.config.max_length,
            backbone=replace(self.loading, dtype="float32") if learns else self.loading,
            lora=adapters,
        )

    def reference_at(self, iteration: int) -> int:
        """Which policy is the reference in an iteration: the one before alignment, unless the method moves it."""
        moved = [done for done in range(1, iteration) if self.method.moves_reference(done)]
        return moved[-1] if moved else 0

    # — phases —

    def sample(self, iteration: int) -> None:
        """The last policy answers; an offline method learns from answers of the reference."""
        path = self.folder(iteration) / "samples.jsonl"
        if path.exists():
            return
        source = iteration - 1 if self.method.samples == "policy" else self.reference_at(iteration)
        chosen = self._chosen(iteration)
        self.report.line(
            f"iteration {iteration}: {len(chosen):,} prompts, {self.config.sampling.count} samples of each"
        )
        self._draw(source, chosen, self._sampling(), iteration, path)

    def _chosen(self, iteration: int) -> list[Group]:
        """The prompts of an iteration: all, or as many as are asked for, going round."""
        count = self.config.prompts_per_iteration
        if count is None or count >= len(self.prompts):
            return self.prompts
        order = np.random.default_rng(self.config.seed).permutation(len(self.prompts))
        start = (iteration - 1) * count
        return [self.prompts[order[at % len(order)]] for at in range(start, start + count)]

    def _draw(self, policy: int, prompts: Sequence[Group], how: Sampling, stream: int, path: Path) -> None:
        """Sample and write, a batch of prompts at a time; what a killed run has drawn is kept."""
        path.parent.mkdir(parents=True, exist_ok=True)
        size = self.config.sampling.prompts_per_batch
        model, drawn = self.load(policy), list[Samples]()
        with model.ordinary() as language_model:
            for start in range(0, len(prompts), size):
                part = path.with_name(f"{path.stem}.{start}.jsonl")
                if not part.exists():
                    batch = prompts[start : start + size]
                    opened = [model.prompt_tokens(group.prompt, how.max_tokens).tolist() for group in batch]
                    seeds = [_seed(self.config.seed, stream, start + at) for at in range(len(batch))]
                    answers = sample(language_model, opened, how, model.ends, seeds)
                    save_samples(
                        [Samples.of(group, said, _texts(model, said)) for group, said in zip(batch, answers)], part
                    )
                drawn += load_samples(part)
                self.report.step(min(start + size, len(prompts)), len(prompts))
        save_samples(drawn, path)
        for part in path.parent.glob(f"{path.stem}.*.jsonl"):
            part.unlink()

    def judge(self, iteration: int) -> None:
        """What the guide says of the samples, and how likely the policies that the method looks at are to give them."""
        path = self.folder(iteration) / "judged.jsonl"
        if path.exists():
            return
        drawn = load_samples(self.folder(iteration) / "samples.jsonl")
        samples = differing([said for said in map(_said, drawn) if said is not None])
        self._check_samples(drawn, samples)
        samples = self._judged(samples)
        past = range(max(iteration - self.method.remembers, 0), iteration)
        for policy in sorted({*past, self.reference_at(iteration)}):
            found = log_probs_of(
                self.load(policy), samples, self.config.fit.tokens_per_pass * 4, self.config.sampling.max_tokens
            )
            name = self.name_of(policy)
            samples = [
                replace(one, log_probs={**one.log_probs, name: tuple(values.tolist())})
                for one, values in zip(samples, found)
            ]
            gc.collect()
        save_samples(samples, path)

    def _check_samples(self, drawn: Sequence[Samples], kept: Sequence[Samples]) -> None:
        texts = [text for one in drawn for text in one.group.responses]
        silent = sum(text == _NOTHING for text in texts)
        if silent > _EMPTY * len(texts):
            raise AlignmentError(
                f"{silent:,} of {len(texts):,} samples are empty: the policy ends before it says anything; tune it "
                "first (sft), or look at its chat template"
            )
        if not kept:
            raise AlignmentError(
                "all samples of every prompt are equal, of which nothing can be learned: raise sampling.temperature, "
                "or begin with a policy that is less sure"
            )
        if len(kept) < len(drawn):
            self.report.line(
                f"{len(drawn) - len(kept):,} of {len(drawn):,} prompts have no two different samples, and are left out"
            )

    def _judged(self, samples: Sequence[Samples]) -> list[Samples]:
        """With log-odds between the samples, the mean over guides, and rewards by each guide."""
        groups = [one.group for one in samples]
        log_odds, rewards = [], []
        for name in self.guides:
            guide = self.given or PreferenceModel.from_pretrained(name)
            if isinstance(guide, PreferenceModel):
                check_reward(self.config.reward, guide.head)
            answers = [answer for _, answer in guide.encode(groups)]
            log_odds.append([leads(answer, self.config.reward, self.config.share) for answer in answers])
            # the mean lead is a number of a response up to a constant; log-odds have it of their own
            by_reward = [matrix.mean(axis=1) for matrix in log_odds[-1]]
            own = [answer.scores(len(group)) for group, answer in zip(groups, answers)]
            rewards.append(own if self.config.reward == "log-odds" else by_reward)
            del guide
            gc.collect()
        judged = [
            replace(one, log_odds=np.mean(matrices, axis=0), rewards=np.array(utilities))
            for one, matrices, utilities in zip(samples, zip(*log_odds), zip(*rewards))
        ]
        bad = next((one for one in judged if one.log_odds is not None and not np.isfinite(one.log_odds).all()), None)
        if bad is not None:
            raise AlignmentError(
                f"the guide gives NaN or infinity for samples of the prompt {shown(bad.group.prompt_text)}: it has "
                "diverged in its training, or cannot read them"
            )
        return judged

    def fit(self, iteration: int) -> None:
        """The next policy."""
        folder = self.folder(iteration)
        if (folder / _POLICY / LAST).exists():
            return
        samples = load_samples(folder / "judged.jsonl")
        settings = self.config.fit
        seed = _seed(self.config.seed, iteration, 1 << 20)
        past = [self.name_of(at) for at in range(iteration - 1, -1, -1)][: self.method.remembers]
        with torch.random.fork_rng():
            torch.manual_seed(seed)  # adapters are drawn, and a run may begin here
            model = self.load(iteration - 1, learns=True)
        reference, room = self.name_of(self.reference_at(iteration)), self.config.sampling.max_tokens
        told = fit(model, self.method, samples, past, reference, iteration, settings, room, seed)
        found = mean_step(told)
        share = found["achieved"]
        met = "the guide sees no difference" if share is None else f"{share:.0%} of them achieved"
        self.report.line(f"iteration {iteration}: targets of {found['target']:.3g} nats, {met}")
        write_whole(folder / FIT, json.dumps({**found, "log": [asdict(step) for step in told]}) + "\n")
        model.save_pretrained(folder / _POLICY)

    def reinforce(self) -> None:
        """The policy that TRL's trainer makes of the one before alignment."""
        config, settings = self.config, self.config.fit
        if len(self.guides) > 1:
            raise AlignmentError(f"{self.trainer} follows one guide, not {len(self.guides)}: name one")
        lora = config.lora
        how = Reinforcement(
            sampling=self._sampling(),
            share=config.share,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            max_length=config.max_length,
            lora=Lora(lora.rank, lora.alpha, lora.targets or "all-linear") if lora else None,
            seed=config.seed,
            trainer={
                "max_grad_norm": settings.max_grad_norm,
                "lr_scheduler_type": settings.schedule,
                "weight_decay": settings.weight_decay,
            },
            **config.method_settings,
        )
        reinforce(
            str(self.policy_of(0)) if config.sft is not None else config.policy,
            self._preference_model(),
            self.prompts,
            self.folder(1) / _POLICY,
            trainer=cast(Trainer, self.trainer),
            reward=config.reward,
            settings=how,
            loading=self.loading,
            report=self.report,
        )

    def _preference_model(self) -> PreferenceModel:
        if self.given is None:
            return PreferenceModel.from_pretrained(self.guides[0])
        if not isinstance(self.given, PreferenceModel):
            raise AlignmentError(f"{self.trainer} follows a preference model, not a {type(self.given).__name__}")
        return self.given

    def _sampling(self) -> Sampling:
        settings = self.config.sampling
        return Sampling(settings.count, settings.max_tokens, settings.temperature, settings.top_p)

    def measure(self, iteration: int) -> Measured:
        """The policy after an iteration on held-out prompts, beside the one before alignment."""
        folder = self.folder(iteration)
        path = folder / "held-out.jsonl"
        if not path.exists():
            drawn = folder / "held-out-samples.jsonl"
            # at temperature 1, or log-ratios of samples would be no estimate of KL
            plain = Sampling(self.config.eval_count, self.config.sampling.max_tokens)
            if not drawn.exists():
                self._draw(iteration, self.held_out, plain, -1, drawn)
            samples = load_samples(drawn)
            for policy in sorted({0, iteration}):
                found = log_probs_of(
                    self.load(policy), samples, self.config.fit.tokens_per_pass * 4, self.config.sampling.max_tokens
                )
                samples = [
                    replace(one, log_probs={**one.log_probs, self.name_of(policy): tuple(values.tolist())})
                    for one, values in zip(samples, found)
                ]
                gc.collect()
            save_samples(samples, path)
            drawn.unlink()
        judge = None if self.config.judge is None else PreferenceModel.from_pretrained(self.config.judge)
        before = load_samples(self.folder(0) / "held-out.jsonl")
        measured = measure(load_samples(path), before, self.name_of(iteration), BEFORE, judge)
        write_whole(folder / "measured.json", json.dumps(asdict(measured)) + "\n")
        return measured


_NOTHING = "(no answer)"  # stands in for a sample without any text, which no group can hold


def _texts(model: LanguageModel, samples: Sequence[Any]) -> list[str]:
    texts = model.tokenizer.batch_decode([one.tokens for one in samples], skip_special_tokens=True)
    return [text.strip() or _NOTHING for text in texts]


def _said(one: Samples) -> Samples | None:
    """Without empty answers; None where nothing is left."""
    kept = [at for at, text in enumerate(one.group.responses) if text != _NOTHING]
    if not kept:
        return None
    group = replace(one.group, responses=tuple(one.group.responses[at] for at in kept))
    return Samples(group, tuple(one.tokens[at] for at in kept), tuple(one.ended[at] for at in kept))


def _distinct(groups: Sequence[Group]) -> list[Group]:
    """One group for each prompt."""
    return list({prompt_key(group): group for group in groups}.values())


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence([number % (1 << 32) for number in numbers]).generate_state(1)[0])


def _place(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).exists() else name
