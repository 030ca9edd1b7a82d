"""Whom do policies serve? By the expected label, by the lower tail, and by majority Bradley–Terry, at equal KL.

Of simulated crowds with two or three camps everything is known. Policies are tables over the responses to held-out
prompts, π ∝ π_ref exp(r/β) with a uniform reference, and one β for all prompts that makes the mean KL what is asked
for. Rewards r come from models trained on sampled ratings (expected label, mean label of the quarter that likes a
response least) and on the majority votes of the same people (Bradley–Terry), or, as a bound, from the truth itself.
Told is what the whole population thinks of what a policy says: the mean label, from 1 to 6, and the share of people
who are badly served (label 1 or 2). Intervals are of the mean over seeds, each with a population of its own;
those that are in the file of results already are not made again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from crowds import LABELS, fitted, interval
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_softmax
from transformers import AutoTokenizer, BertConfig, BertModel, set_seed

from polypref import Group, PreferenceModel, simulate, split_groups
from polypref.alignment.guidance import leads
from polypref.choice import fit_bradley_terry
from polypref.crowd.worth import expected_label, lower_tail
from polypref.files import write_whole
from polypref.models.embedded import resolve

Floats = NDArray[np.float64]
RESPONSES = {"polarised": 3, "divided": 6}
BAD = 2  # the lowest labels
SHARE = 0.25  # of the crowd, for the tail
LIMITS = (-12.0, 12.0)  # of log β


def small_encoder(folder: str) -> str:
    """An encoder of two layers without any training, in a folder: it learns phrases, and quickly."""
    tokenizer = AutoTokenizer.from_pretrained(resolve("embedded:minilm"))
    set_seed(0)
    size = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 192}
    BertModel(BertConfig(vocab_size=len(tokenizer), **size)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opinions(group: Group) -> Floats:
    """What the population thinks of each response, `[K, 6]`."""
    return np.array(group.meta["truth"]["distributions"])


def of_the_truth(groups: Sequence[Group]) -> dict[str, list[Floats]]:
    """The rewards that guides would give who know the population."""
    found: dict[str, list[Floats]] = {"expected": [], "tail": [], "Bradley–Terry": []}
    for group in groups:
        found["expected"].append(expected_label(opinions(group), LABELS))
        found["tail"].append(lower_tail(opinions(group), LABELS, SHARE))
        preferences = np.array(group.meta["truth"]["preferences"])
        majority = np.where(preferences > 0.5, 1.0, np.where(preferences < 0.5, 0.0, 0.5))
        votes = np.ones_like(majority) - np.eye(len(group))
        found["Bradley–Terry"].append(fit_bradley_terry(majority, votes, prior_strength=0.1).utilities)
    return found


def of_models(known: Sequence[Group], asked: Sequence[Group], settings: dict[str, Any]) -> dict[str, list[Floats]]:
    """The rewards of trained guides."""
    crowd, ordinary = (fitted(name, known, settings) for name in ("ranked probability", "Bradley–Terry"))
    return {
        "expected": rewards(crowd, asked, "expected"),
        "tail": rewards(crowd, asked, "tail"),
        "Bradley–Terry": rewards(ordinary, asked, "log-odds"),
    }


def rewards(model: PreferenceModel, groups: Sequence[Group], reward: str) -> list[Floats]:
    return [leads(answer, reward, SHARE).mean(axis=1) for _, answer in model.encode(groups)]


def tilted(worth: Sequence[Floats], log_beta: float) -> list[Floats]:
    """log π for each prompt."""
    return [log_softmax(r / np.exp(log_beta)) for r in worth]


def divergence(policies: Sequence[Floats]) -> float:
    """Mean KL to the uniform reference."""
    return float(np.mean([np.exp(p) @ (p + np.log(len(p))) for p in policies]))


def at_divergence(worth: Sequence[Floats], asked: float) -> list[Floats]:
    """The policies whose mean KL is as asked; the nearest where none has it."""
    ends = [divergence(tilted(worth, end)) - asked for end in LIMITS]
    if ends[0] <= 0:
        return tilted(worth, LIMITS[0])
    return tilted(worth, brentq(lambda b: divergence(tilted(worth, b)) - asked, *LIMITS))


def served(policies: Sequence[Floats], groups: Sequence[Group]) -> dict[str, float]:
    """The population's mean label, and the share badly served, of what policies say."""
    said = [np.exp(p) @ opinions(group) for p, group in zip(policies, groups)]
    return {
        "mean": float(np.mean([one @ LABELS for one in said])),
        "bad": float(np.mean([one[:BAD].sum() for one in said])),
        "utility": float(np.mean([np.exp(p) @ g.meta["truth"]["utilities"] for p, g in zip(policies, groups)])),
        "divergence": divergence(policies),
    }


def measured(scenario: str, seed: int, backbone: str, given: Any) -> list[dict[str, Any]]:
    """All policies in one population."""
    crowd = simulate(scenario, given.groups, responses=RESPONSES[scenario], votes=given.votes, seed=seed)
    parts = split_groups(crowd, {"train": 0.7, "dev": 0.3})
    settings = {
        "backbone": backbone,
        "epochs": given.epochs,
        "batch_size": 4,
        "frozen": given.frozen,
        "learning_rate": given.learning_rate,
        "state_layer_rate": 1.0,
        "max_length": 160,
        "seed": seed,
    }
    asked = parts["dev"]
    rows = []
    for guide in given.guides:
        worth = of_the_truth(asked) if guide == "true" else of_models(parts["train"], asked, settings)
        for reward, values in worth.items():
            for asked_for in given.divergences:
                found = served(at_divergence(values, asked_for), asked)
                rows.append({"guide": guide, "reward": reward, "asked": asked_for, **found})
    reference = served([np.full(len(g), -np.log(len(g))) for g in asked], asked)
    rows.append({"guide": "none", "reward": "reference", "asked": 0.0, **reference})
    return [{"scenario": scenario, "seed": seed, **row} for row in rows]


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Each policy, and differences between them in the same population."""
    values: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for row in rows:
        entry = values.setdefault((row["scenario"], row["guide"], row["asked"]), {}).setdefault(row["reward"], [])
        entry.append((row["mean"], row["bad"], row["divergence"]))  # type: ignore[arg-type]
    for (scenario, guide, asked), policies in values.items():
        found = {name: np.array(each) for name, each in policies.items()}
        for name, each in found.items():
            mean, bad = interval(each[:, 0]), interval(100 * each[:, 1])
            print(f"{scenario:10} {guide:8} KL {asked:<5} {name:14} mean {mean}  badly served {bad} %", end="")
            print(f"  KL {each[:, 2].mean():.3f}")
        for one, other in combinations(found, 2):
            mean, bad = ((found[one] - found[other])[:, at] for at in (0, 1))
            print(f"    {one} less {other}: mean {interval(mean)}, badly served {interval(100 * bad)} points")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", default=list(RESPONSES), choices=RESPONSES)
    parser.add_argument("--guides", nargs="+", default=["true", "trained"], choices=["true", "trained"])
    parser.add_argument("--groups", type=int, default=150)
    parser.add_argument("--votes", type=int, default=20, help="on each response")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--divergences", type=float, nargs="+", default=[0.1, 0.3, 0.6, 0.9], help="mean KL, in nats")
    parser.add_argument("--backbone", default="small", help="small: two layers without any training before")
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--frozen", action="store_true", help="train the last layer alone")
    parser.add_argument("--name", default="crowd_policies", help="of the file of results")
    given = parser.parse_args()
    out = Path(__file__).parent / "results" / f"{given.name}.json"
    rows: list[dict[str, Any]] = json.loads(out.read_text()) if out.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        backbone = small_encoder(folder) if given.backbone == "small" else given.backbone
        for scenario, seed in product(given.scenarios, range(given.seeds)):
            if not any((row["scenario"], row["seed"]) == (scenario, seed) for row in rows):
                rows += measured(scenario, seed, backbone, given)
                write_whole(out, json.dumps(rows, indent=1) + "\n")
    show(rows)


if __name__ == "__main__":
    main()
