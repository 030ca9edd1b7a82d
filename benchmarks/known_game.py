"""A language model in a known game: which shares of three styles do methods of alignment lead to?

SmolLM2 is taught to answer the prompts of the `skewed` population in one short sentence of one of three styles, with a
known prior. The population prefers the styles in a skewed cycle. The policy is then aligned with the true preferences
(`--guide truth`), or with a model trained on votes (`--guide general`, `--guide scalar`). Styles are told
by the first words of samples. Shown are the shares on held-out prompts, and their total variation to the equilibrium
that the method looks for, computed from the true preferences and the shares of the policy before alignment.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from polypref import Comparison, Group, save_groups, simulate
from polypref.alignment import all_methods
from polypref.alignment.config import make_alignment_config
from polypref.alignment.recipe import align
from polypref.alignment.reinforcement import Trainer
from polypref.alignment.samples import load_samples
from polypref.alignment.sampling import Sampling, sample
from polypref.choice import equilibrium
from polypref.evaluation.prediction import Prediction
from polypref.files import write_whole
from polypref.groups.simulate import STYLES
from polypref.groups.simulate.text import short_style
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.training.config import InstructionConfig, make_config
from polypref.training.instruction import tune
from polypref.training.progress import PlainReport
from polypref.training.recipe import train

PRIOR = (0.2, 0.2, 0.6)  # far from every equilibrium of the game
# targets are a nat or so; with these INPO, EGPO and COMAL on a table come within 0.02 of their equilibria in six steps
SETTINGS: dict[str, dict[str, Any]] = {
    "sppo": {"beta": 0.4},
    "gpo": {"beta": 1.5},
    "inpo": {"beta": 0.2, "step": 0.5},
    "egpo": {"beta": 0.2, "step": 0.5},
    "comal": {"beta": 0.2, "step": 1.0, "every": 3},
    "dpo": {"beta": 1.0},
}
POLICY = "embedded:smollm2"
LONGEST, ROOM = 20, 128  # tokens of an answer, and of a prompt with its answer
BATCH = 4  # prompts of an optimiser step
NO_STYLE = 4.0  # log-odds by which any style beats a text of none


def true_log_odds() -> np.ndarray:
    """Between the styles, in the whole population."""
    group = simulate("skewed", 1)[0]
    order = [group.sources.index(style) for style in STYLES]
    p = np.array(group.meta["truth"]["preferences"])[np.ix_(order, order)]
    return np.log(p / p.T)


class Truth:
    """The population itself as a guide: it looks at nothing but the style."""

    def __init__(self) -> None:
        known = true_log_odds()
        self.log_odds = np.full((4, 4), NO_STYLE)
        self.log_odds[3], self.log_odds[3, 3] = -NO_STYLE, 0.0
        self.log_odds[:3, :3] = known

    def encode(self, groups: Iterable[Group]) -> Iterator[tuple[Group, Prediction]]:
        for group in groups:
            at = [_number(text) for text in group.responses]
            yield group, Prediction(log_odds=self.log_odds[np.ix_(at, at)])


def _number(text: str) -> int:
    style = short_style(text)
    return 3 if style is None else STYLES.index(style)


def taught(groups: list[Group], seed: int) -> list[Group]:
    """For each prompt a pair whose better answer is of a style drawn from the prior."""
    rng = np.random.default_rng(seed)
    made = []
    for group in groups:
        best = group.sources.index(STYLES[rng.choice(3, p=PRIOR)])
        made.append(Group(group.prompt, group.responses, [Comparison(best, (best + 1) % 3)], id=group.id))
    return made


def shares(texts: Iterable[str]) -> np.ndarray:
    """Of the three styles and none."""
    counts = np.bincount([_number(text) for text in texts], minlength=4)
    return counts / counts.sum()


def sampled(path: Path) -> np.ndarray:
    """Shares among the samples that an iteration learned from: what the policy before it said."""
    return shares(text for one in load_samples(path) for text in one.group.responses)


def held_out(policy: Path, groups: Sequence[Group], count: int, seed: int) -> np.ndarray:
    """Shares among samples for prompts that were not learned from."""
    model = LanguageModel.from_pretrained(str(policy), max_length=ROOM)
    opened = [model.prompt_tokens(group.prompt, LONGEST).tolist() for group in groups]
    seeds = [seed * 10_000 + at for at in range(len(groups))]
    with model.ordinary() as plain:
        drawn = sample(plain, opened, Sampling(count, LONGEST), model.ends, seeds)
    tokens = [one.tokens for row in drawn for one in row]
    return shares(model.tokenizer.batch_decode(tokens, skip_special_tokens=True))


def goal(method: str, start: np.ndarray) -> np.ndarray | None:
    """The equilibrium that a method looks for, from the shares of styles before alignment."""
    made = all_methods().get(method)
    if made is None or made.goal in ("best response", "winners"):
        return None
    scores = true_log_odds()
    game = scores if made.game == "log-odds" else 1 / (1 + np.exp(-scores)) - 0.5
    if made.goal == "equilibrium":
        return equilibrium(game)
    return equilibrium(game, reference=start / start.sum(), beta=SETTINGS[method]["beta"])


def prepared(work: Path, seed: int, count: int) -> tuple[list[Group], list[Group], Path]:
    """Held-out prompts, everything that people said about the others, and the policy that speaks the styles."""
    everyone = simulate("skewed", 900, seed=0)  # one population; seeds are of policies
    distinct = list({group.prompt: group for group in everyone}.values())
    kept = {group.prompt for group in distinct[:24]}
    spoken = [group for group in everyone if group.prompt not in kept]
    save_groups(distinct[24:], work / "prompts.jsonl")
    begun = work / "begun"
    if not (begun / "config.json").exists():
        how = InstructionConfig(epochs=2, batch_size=8, learning_rate=1e-4, max_length=ROOM)
        tune(how, POLICY, taught(spoken, seed)[:count], begun, seed, PlainReport(), BackboneSettings())
    return distinct[:24], spoken, begun


def learned_guide(work: Path, head: str, spoken: list[Group], seed: int) -> Path:
    """A preference model of the people's votes."""
    out = work / head
    if not (out / "config.json").exists():
        given = {"backbone": "embedded:minilm", "head": head, "epochs": 3, "seed": seed, "out": str(out)}
        train(make_config(given), spoken, report=PlainReport())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of models; finished ones are kept")
    parser.add_argument("--methods", nargs="+", default=["inpo", "egpo", "comal", "sppo", "gpo"])
    parser.add_argument("--guide", choices=["truth", "general", "scalar"], default="truth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--prompts", type=int, default=16, help="prompts of an iteration")
    parser.add_argument("--count", type=int, default=8, help="samples of a prompt")
    parser.add_argument("--learning-rate", type=float, default=1e-4, help="of the adapters")
    parser.add_argument("--epochs", type=float, default=3.0, help="of the fit in each iteration")
    parser.add_argument("--taught", type=int, default=300, help="prompts of the supervised fine-tuning")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/known_game"))
    arguments = parser.parse_args()
    seed = arguments.seed
    work = arguments.work / f"seed-{seed}"
    work.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    unseen, spoken, begun = prepared(work, seed, arguments.taught)
    guide = work / "truth" if arguments.guide == "truth" else learned_guide(work, arguments.guide, spoken, seed)
    start = held_out(begun, unseen, 16, seed)
    print("before:", start.round(3).tolist(), flush=True)
    for method in arguments.methods:
        result = arguments.out / f"{method}-{arguments.guide}-{seed}.json"
        if result.exists():
            continue
        out = work / f"{method}-{arguments.guide}"
        began = time.process_time()
        reinforced = method in get_args(Trainer)
        steps = arguments.iterations * round(arguments.epochs * arguments.prompts / BATCH)
        config = make_alignment_config(
            {
                "policy": str(begun),
                "guide": str(guide),
                "prompts": [str(work / "prompts.jsonl")],
                "eval_share": 0,
                "method": method,
                "method_settings": {"max_steps": steps} if reinforced else SETTINGS[method],
                "iterations": arguments.iterations,
                "prompts_per_iteration": arguments.prompts,
                "sampling": {"count": arguments.count, "max_tokens": LONGEST, "prompts_per_batch": 8},
                "fit": {
                    "learning_rate": arguments.learning_rate,
                    "schedule": "linear",
                    "warmup": 0.1,
                    "batch_size": BATCH,
                    "epochs": arguments.epochs,
                },
                "lora": {},
                "max_length": ROOM,
                "seed": seed,
                "out": str(out),
            }
        )
        found = align(config, PlainReport(), Truth() if arguments.guide == "truth" else None)
        learned = [] if reinforced else [out / f"iteration-{at + 1}" for at in range(arguments.iterations)]
        end = held_out(found.policy, unseen, 16, seed + 1)
        wanted = goal(method, start[:3])
        row = {
            "method": method,
            "guide": arguments.guide,
            "seed": seed,
            "goal": None if wanted is None else wanted.tolist(),
            "before": start.tolist(),
            "path": [sampled(folder / "samples.jsonl").tolist() for folder in learned],
            "after": end.tolist(),
            "distance": None
            if wanted is None
            else [float(np.abs(one - np.r_[wanted, 0]).sum() / 2) for one in (start, end)],
            "target": [fit["target"] for fit in found.fits],
            "achieved": [fit["achieved"] for fit in found.fits],
            "settings": config.method_settings,
            "seconds": time.process_time() - began,
        }
        print(json.dumps(row), flush=True)
        write_whole(result, json.dumps(row, indent=1) + "\n")


if __name__ == "__main__":
    main()
