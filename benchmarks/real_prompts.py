"""Real prompts: how often do policies win that a general, a gated general or a scalar model has guided?

SmolLM2 answers prompts of AlpacaEval in a few tokens. Guides (MiniLM) learn from half of the train prompts, the judge
(SmolLM2) from the other half; both read no more of an answer than a policy may say, and learn from comparisons derived
from the answers' shares against the common baseline, since the longer answer wins nine in ten of those as they were
made. Policies learn from the guides' prompts, and are judged on dev prompts against the policy before alignment. Best
of n is the policy without training. What is finished in the folder of work is not made again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from real_preferences import derived
from transformers import AutoTokenizer

from polypref import Group, PreferenceModel, load_groups, save_groups, split_groups
from polypref.alignment import best_of_n
from polypref.alignment.best_of_n import divergence_bound
from polypref.alignment.config import make_alignment_config
from polypref.alignment.recipe import align
from polypref.alignment.samples import load_samples
from polypref.alignment.sampling import Sampling, sample
from polypref.evaluation.assessment import assess
from polypref.evaluation.policies import versus
from polypref.files import write_whole
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.models.embedded import resolve
from polypref.training.config import make_config
from polypref.training.progress import PlainReport
from polypref.training.recipe import train

POLICY = "embedded:smollm2"
GUIDES: dict[str, dict[str, Any]] = {
    "general": {"head": "general"},
    "gated": {"head": "general", "head_settings": {"gate": True}},
    "scalar": {"head": "scalar"},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "gpo": {"beta": 0.3},
    "inpo": {"beta": 0.05, "step": 0.5},
    "egpo": {"beta": 0.05, "step": 0.5},
    "dpo": {"beta": 0.3},
}
ASKED = 4  # answers to each dev prompt by which guides and judge are checked
LONGEST_PROMPT = 300  # characters; longer ones take more time than their answers


def opened(groups: Iterable[Group], tokens: int, answers: int, seed: int) -> list[Group]:
    """Some answers to each prompt, cut after so many tokens of the policy, and the comparisons derived of them."""
    tokenizer = AutoTokenizer.from_pretrained(resolve(POLICY))
    rng = np.random.default_rng(seed)
    found = []
    for group in derived(groups, False):
        kept = np.sort(rng.permutation(len(group))[:answers]).tolist()
        place = {at: new for new, at in enumerate(kept)}
        texts = [group.responses[at] for at in kept]
        cut = [tokenizer.decode(tokenizer(text)["input_ids"][:tokens]).strip() for text in texts]
        votes = [replace(c, i=place[c.i], j=place[c.j]) for c in group.comparisons if c.i in place and c.j in place]
        if votes and all(cut):
            found.append(Group(group.prompt, cut, votes, id=group.id))
    return found


def fitted(place: Path, settings: dict[str, Any], known: Sequence[Group], asked: Sequence[Group]) -> None:
    """A preference model in `place`, and how often it is right about answers to prompts it has not seen."""
    if not (place / "config.json").exists():
        defaults = {"max_length": 192, "batch_size": 4, "seed": 0, "trainer": {"save_strategy": "no"}}
        train(make_config({**defaults, **settings, "out": str(place)}), known, [], report=PlainReport())
    if not (place / "accuracy.json").exists():
        model = PreferenceModel.from_pretrained(place)
        scores = assess(list(model.encode(asked))).pairwise
        assert scores is not None
        assert scores.accuracy is not None
        write_whole(place / "accuracy.json", json.dumps(asdict(scores.accuracy)) + "\n")
    print(place.name, (place / "accuracy.json").read_text().strip(), flush=True)


def same_settings(given: Any, parser: argparse.ArgumentParser) -> None:
    """Runs in one folder share samples, and so what these are drawn by."""
    names = ("prompts", "count", "tokens", "dev_prompts", "eval_count", "dtype", "max_length")
    file, now = given.work / "settings.json", {name: vars(given)[name] for name in names}
    if file.exists() and json.loads(file.read_text()) != now:
        parser.error(
            f"{given.work} was begun with {file.read_text().strip()}; go on with these, or take another --work"
        )
    write_whole(file, json.dumps(now) + "\n")


def shared_files(work: Path, out: Path) -> None:
    """What every run begins with, since all begin with the same policy and seed, is drawn once."""
    for name in ("iteration-0/held-out.jsonl", "iteration-1/samples.jsonl"):
        known = next((run / name for run in sorted(work.glob("run-*")) if (run / name).exists()), None)
        if known is not None and not (out / name).exists():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(known, out / name)


def best(guide: PreferenceModel, judge: PreferenceModel, prompts: Sequence[Group], before: Path, given: Any) -> Any:
    """Best of n of the policy before alignment, drawn once, against other samples of it."""
    path = given.work / f"seed-{given.seed}" / "best-of.jsonl"
    if not path.exists():
        model = LanguageModel.from_pretrained(
            POLICY, max_length=given.max_length, backbone=BackboneSettings(dtype=given.dtype)
        )
        drawn: list[Group] = []
        with model.ordinary() as language_model:
            for start in range(0, len(prompts), 8):
                batch = prompts[start : start + 8]
                tokens = [model.prompt_tokens(group.prompt, given.tokens).tolist() for group in batch]
                seeds = [(1 + given.seed) * 10_000 + start + at for at in range(len(batch))]
                for group, said in zip(
                    batch, sample(language_model, tokens, Sampling(given.count, given.tokens), model.ends, seeds)
                ):
                    texts = model.tokenizer.batch_decode([one.tokens for one in said], skip_special_tokens=True)
                    drawn.append(Group(group.prompt, [text.strip() or "(no answer)" for text in texts], id=group.id))
        save_groups(drawn, path)
    chosen = list(best_of_n(guide, load_groups(str(path)), seed=given.seed))
    return versus(judge, chosen, [one.group for one in load_samples(before)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpaca", type=Path, required=True, help="folder with pairs.train and pairs.dev")
    parser.add_argument("--work", type=Path, required=True, help="folder of models; finished ones are kept")
    parser.add_argument("--runs", nargs="+", default=["gpo:general"], help="method:guide, or best:guide")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=24, help="of an iteration")
    parser.add_argument("--count", type=int, default=8, help="samples of a prompt")
    parser.add_argument("--tokens", type=int, default=40, help="of an answer")
    parser.add_argument("--dev-prompts", type=int, help="on which policies are judged; none: all")
    parser.add_argument("--eval-count", type=int, default=2, help="samples of a dev prompt")
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--epochs", type=float, default=2.0, help="of the fit in each iteration")
    parser.add_argument("--batch-size", type=int, default=4, help="prompts of a step of the fit")
    parser.add_argument("--rank", type=int, help="of adapters; none: all weights")
    parser.add_argument("--beta", type=float, help="none: as in SETTINGS")
    parser.add_argument("--dtype", default="bfloat16", help="in which policies sample and are compared")
    parser.add_argument("--max-length", type=int, default=192)
    parser.add_argument("--guide-answers", type=int, default=12, help="answers to each prompt that guides learn from")
    parser.add_argument("--judge-answers", type=int, default=6)
    parser.add_argument("--judge-prompts", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "real_prompts.json")
    given = parser.parse_args()
    work = given.work / f"seed-{given.seed}"
    work.mkdir(parents=True, exist_ok=True)
    same_settings(given, parser)
    parts = {name: load_groups(f"{given.alpaca}/pairs.{name}.jsonl.gz", skip_bad=True) for name in ("train", "dev")}
    short = {name: [g for g in part if len(g.prompt_text) <= LONGEST_PROMPT] for name, part in parts.items()}
    halves = split_groups(short["train"], {"guide": 0.5, "judge": 0.5}, 0)
    asked = opened(short["dev"], given.tokens, ASKED, 0)
    save_groups(halves["guide"], given.work / "prompts.jsonl")
    save_groups(short["dev"][: given.dev_prompts], given.work / "dev.jsonl")
    judge = given.work / "judge"
    names = {run.split(":")[1] for run in given.runs}
    for name in [guide for guide in GUIDES if guide in names]:
        known = opened(halves["guide"], given.tokens, given.guide_answers, given.seed)
        fitted(
            work / name, {"backbone": "embedded:minilm", "epochs": 2, "seed": given.seed, **GUIDES[name]}, known, asked
        )
    known = opened(halves["judge"], given.tokens, given.judge_answers, 0)[: given.judge_prompts]
    judging = {"backbone": POLICY, "head": "scalar", "learning_rate": 5e-5, "precision": "bfloat16"}
    fitted(judge, judging, known, asked)
    for run in given.runs:
        method, guide = run.split(":")
        began = time.perf_counter()
        row: dict[str, Any] = {"method": method, "guide": guide, "seed": given.seed}
        if method == "best":
            before = next(work.glob("run-*/iteration-0/held-out.jsonl"))
            models = (PreferenceModel.from_pretrained(place) for place in (work / guide, judge))
            found = asdict(best(*models, short["dev"][: given.dev_prompts], before, given))
            row |= {"versus": [found], "divergence": [divergence_bound(given.count)], "n": given.count}
        else:
            out = work / f"run-{method}-{guide}"
            shared_files(work, out)
            settings = {**SETTINGS.get(method, {}), **({} if given.beta is None else {"beta": given.beta})}
            config = make_alignment_config(
                {
                    "policy": POLICY,
                    "guide": str(work / guide),
                    "judge": str(judge),
                    "prompts": [str(given.work / "prompts.jsonl")],
                    "eval_prompts": [str(given.work / "dev.jsonl")],
                    "eval_count": given.eval_count,
                    "method": method,
                    "method_settings": settings,
                    "iterations": given.iterations,
                    "prompts_per_iteration": given.prompts,
                    "sampling": {"count": given.count, "max_tokens": given.tokens},
                    "fit": {
                        "learning_rate": given.learning_rate,
                        "batch_size": given.batch_size,
                        "epochs": given.epochs,
                        "warmup": 0.1,
                    },
                    "lora": None if given.rank is None else {"rank": given.rank, "alpha": 2 * given.rank},
                    "dtype": given.dtype,
                    "max_length": given.max_length,
                    "seed": given.seed,
                    "out": str(out),
                }
            )
            done = align(config, PlainReport())
            row |= {
                "settings": settings,
                "versus": [None if one.versus is None else asdict(one.versus) for one in done.measured],
                "divergence": [asdict(one.divergence) for one in done.measured],
                "texts": [asdict(one.texts) for one in done.measured],
                "fits": [{name: fit[name] for name in ("target", "achieved")} for fit in done.fits],
            }
        row["seconds"] = time.perf_counter() - began
        print(json.dumps(row), flush=True)
        before_it = json.loads(given.out.read_text()) if given.out.exists() else []
        named = ("method", "guide", "seed")
        known_rows = [other for other in before_it if any(other[name] != row[name] for name in named)]
        given.out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(given.out, json.dumps([*known_rows, row], indent=1) + "\n")


if __name__ == "__main__":
    main()
