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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from polypref import Comparison, Group, save_groups, simulate
from polypref.alignment import all_methods
from polypref.alignment.config import make_alignment_config
from polypref.alignment.recipe import align
from polypref.alignment.samples import load_samples
from polypref.choice import equilibrium
from polypref.evaluation.prediction import Prediction
from polypref.groups.simulate import STYLES
from polypref.groups.simulate.text import short_style
from polypref.training.config import make_config
from polypref.training.progress import PlainReport
from polypref.training.recipe import train

PRIOR = (0.5, 0.3, 0.2)
SETTINGS: dict[str, dict[str, Any]] = {
    "sppo": {"beta": 0.4},
    "gpo": {"beta": 1.5},
    "inpo": {"beta": 0.3, "step": 0.5},
    "egpo": {"beta": 0.3, "step": 0.5},
    "comal": {"beta": 0.3, "step": 0.5, "every": 2},
    "dpo": {"beta": 1.0},
}
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


def shares(path: Path) -> np.ndarray:
    """Of the three styles and none among the samples of a file."""
    counts = np.bincount([_number(t) for one in load_samples(path) for t in one.group.responses], minlength=4)
    return counts / counts.sum()


def goal(method: str, start: np.ndarray) -> np.ndarray | None:
    """The equilibrium that a method looks for, from the shares of styles before alignment."""
    made = all_methods().get(method)
    if made is None or made.goal == "best response":
        return None
    scores = true_log_odds()
    game = scores if made.game == "log-odds" else 1 / (1 + np.exp(-scores)) - 0.5
    if made.goal == "equilibrium":
        return equilibrium(game)
    return equilibrium(game, reference=start / start.sum(), beta=SETTINGS[method]["beta"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of models; finished ones are kept")
    parser.add_argument("--methods", nargs="+", default=["sppo", "gpo", "inpo", "egpo", "comal", "dpo"])
    parser.add_argument("--guide", choices=["truth", "general", "scalar"], default="truth")
    parser.add_argument("--policy", default="embedded:smollm2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--prompts", type=int, default=24, help="prompts of an iteration")
    parser.add_argument("--count", type=int, default=8, help="samples of a prompt")
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--epochs", type=float, default=4.0, help="of the fit in each iteration")
    parser.add_argument("--taught", type=int, default=300, help="prompts of the supervised fine-tuning")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/known_game.json"))
    arguments = parser.parse_args()
    work, seed = arguments.work / f"seed-{arguments.seed}", arguments.seed
    work.mkdir(parents=True, exist_ok=True)
    everyone = simulate("skewed", 900, seed=0)  # one population; seeds are of policies
    distinct = list({group.prompt: group for group in everyone}.values())
    held_out, learned = distinct[:24], distinct[24:]
    save_groups(held_out, work / "held-out.jsonl")
    save_groups(learned, work / "prompts.jsonl")
    spoken = [group for group in everyone if group.prompt not in {one.prompt for one in held_out}]
    save_groups(taught(spoken, seed)[: arguments.taught], work / "taught.jsonl")
    guide = work / arguments.guide
    if arguments.guide != "truth" and not (guide / "config.json").exists():
        train(
            make_config(
                {"backbone": "embedded:minilm", "head": arguments.guide, "epochs": 3, "seed": seed, "out": str(guide)}
            ),
            spoken,
            report=PlainReport(),
        )
    common = {
        "policy": arguments.policy,
        "guide": str(guide),
        "prompts": [str(work / "prompts.jsonl")],
        "eval_prompts": [str(work / "held-out.jsonl")],
        "eval_count": 16,
        "sampling": {"count": arguments.count, "max_tokens": 20, "prompts_per_batch": 8},
        "fit": {"learning_rate": arguments.learning_rate, "batch_size": 4, "epochs": arguments.epochs, "warmup": 0.1},
        "prompts_per_iteration": arguments.prompts,
        "max_length": 128,
        "seed": seed,
    }
    begun = work / "begun"
    first = make_alignment_config(
        {
            **common,
            "method": "sppo",
            "iterations": 1,
            "sft": {
                "data": [str(work / "taught.jsonl")],
                "epochs": 2,
                "batch_size": 8,
                "learning_rate": 1e-4,
                "max_length": 128,
            },
            "out": str(begun),
        }
    )
    align(first, PlainReport(), Truth())
    start = shares(begun / "iteration-0" / "held-out.jsonl")
    print("before:", start.round(3).tolist(), flush=True)
    rows = []
    for method in arguments.methods:
        out = work / f"{method}-{arguments.guide}"
        began = time.perf_counter()
        given = {"policy": str(begun / "instruction"), "method": method, "method_settings": SETTINGS.get(method, {})}
        config = make_alignment_config({**common, **given, "iterations": arguments.iterations, "out": str(out)})
        found = align(config, PlainReport(), Truth() if arguments.guide == "truth" else None)
        path = [shares(out / f"iteration-{at}" / "held-out.jsonl") for at in range(len(found.measured))]
        wanted = goal(method, start[:3])
        distance = [None if wanted is None else float(np.abs(one - np.r_[wanted, 0]).sum() / 2) for one in path]
        rows.append(
            {
                "method": method,
                "guide": arguments.guide,
                "seed": seed,
                "goal": None if wanted is None else wanted.tolist(),
                "path": [one.tolist() for one in path],
                "distance": distance,
                "divergence": [one.divergence.value for one in found.measured],
                "achieved": [fit["achieved"] for fit in found.fits],
                "seconds": time.perf_counter() - began,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    arguments.out.write_text(json.dumps([*known, *rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
