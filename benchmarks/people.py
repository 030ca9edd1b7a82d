"""Telling persons apart on cached states: known camps, newcomers' votes, 100,000 persons, and real annotators."""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.metrics import adjusted_rand_score

from polypref.people import Votes, choose_clusters, fit_clusters, fit_tastes, read_votes, votes_of
from polypref.people.features import principal_features
from polypref.statistics.resampling import Bootstrap, Terms

FEATURES, CAMPS, PEOPLE, NEWCOMERS, ASKED = 8, 3, 300, 200, 64
SHOWN = (0, 1, 2, 4, 8, 16, 32)


def world(people: int, votes: int, seed: int, part: int) -> tuple[Votes, np.ndarray, np.ndarray, np.ndarray]:
    """People of three camps: votes, camps [people], the camps' tastes, and the truth of each vote."""
    fixed, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1 + part])
    states, tastes = fixed.normal(size=(3000, FEATURES)), fixed.normal(size=(CAMPS, FEATURES))
    camp = rng.integers(CAMPS, size=people)
    person = np.repeat(np.arange(people), votes)
    first = rng.integers(len(states), size=len(person))
    second = (first + 1 + rng.integers(len(states) - 1, size=len(person))) % len(states)
    truth = expit(((states[first] - states[second]) * tastes[camp[person]]).sum(axis=1))
    share = (rng.random(len(person)) < truth).astype(float)
    return votes_of(states, first, second, person, share=share), camp, tastes, truth


def accuracy(said: np.ndarray, votes: Votes) -> float:
    """Share of decided votes on the side of the prediction."""
    return float(np.mean((said > 0.5) == (votes.share > 0.5)))


def known_camps(seeds: int, sizes: Sequence[int] = (5, 20, 100)) -> list[dict[str, Any]]:
    """Camps found, and votes foretold, from so many votes a person."""
    rows = []
    for votes in sizes:
        for seed in range(seeds):
            seen, camp, tastes, _ = world(PEOPLE, votes + ASKED, seed, 0)
            shown = np.arange(len(seen)) % (votes + ASKED) < votes
            known, later = seen.where(shown), seen.where(~shown)
            start = time.perf_counter()
            clusters = fit_clusters(known, CAMPS, seed=seed)
            seconds = time.perf_counter() - start
            chosen = choose_clusters(known, restarts=2, seed=seed).clusters
            personal, anonymous = fit_tastes(known, 4), fit_tastes(known, 0)
            oracle = (later.difference(slice(0, len(later))) * tastes[camp[later.person]]).sum(axis=1)
            rows.append(
                {
                    "votes": votes,
                    "seed": seed,
                    "rand": float(adjusted_rand_score(camp, clusters.labels)),
                    "chosen": chosen,
                    "clusters": accuracy(clusters.preferences(later, clusters.members), later),
                    "tastes": accuracy(personal.preferences(later, personal.persons), later),
                    "anonymous": accuracy(anonymous.preferences(later, None), later),
                    "oracle": accuracy(expit(oracle), later),
                    "seconds": seconds,
                }
            )
    return rows


def newcomers(seeds: int) -> list[dict[str, Any]]:
    """Accuracy for persons who took no part in training, by how many of their votes are known."""
    from polypref.people.encoder import train_encoder

    rows = []
    for seed in range(seeds):
        trained, _, tastes, _ = world(PEOPLE, 30, seed, 0)
        seen, camp, _, _ = world(NEWCOMERS, max(SHOWN) + ASKED, seed, 1)
        place = np.arange(len(seen)) % (max(SHOWN) + ASKED)
        later = seen.where(place >= max(SHOWN))
        clusters, personal = fit_clusters(trained, CAMPS, seed=seed), fit_tastes(trained, 4)
        anonymous, encoder = fit_tastes(trained, 0), train_encoder(trained)
        oracle = (later.difference(slice(0, len(later))) * tastes[camp[later.person]]).sum(axis=1)
        for shown in SHOWN:
            known = seen.where(place < shown)
            rows.append(
                {
                    "shown": shown,
                    "seed": seed,
                    "clusters": accuracy(clusters.preferences(later, clusters.meet(known)), later),
                    "tastes": accuracy(personal.preferences(later, personal.meet(known)), later),
                    "encoder": accuracy(encoder.preferences(later, encoder.meet(known)), later),
                    "anonymous": accuracy(anonymous.preferences(later, None), later),
                    "oracle": accuracy(expit(oracle), later),
                }
            )
    return rows


def many(people: int, votes: int) -> dict[str, Any]:
    """Time and memory for so many persons with so many votes each, on 16 cached features in single precision."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(100_000, 16)).astype(np.float32)
    directions, own = rng.normal(size=(16, 4)) / 4, rng.normal(size=(people, 4))
    person = np.repeat(np.arange(people), votes)
    first = rng.integers(len(states), size=len(person))
    second = (first + 1 + rng.integers(len(states) - 1, size=len(person))) % len(states)
    along = states @ directions
    score = ((along[first] - along[second]) * own[person]).sum(axis=1)
    share = (rng.random(len(person)) < expit(score)).astype(float)
    seen = votes_of(states, first, second, person, share=share)
    del first, second, person, share, along, score
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start, worked = time.perf_counter(), time.process_time()
    tastes = fit_tastes(seen, 4, iterations=10)
    fitted, worked = time.perf_counter() - start, time.process_time() - worked
    start = time.perf_counter()
    tastes.meet(seen.of("7"))
    met = time.perf_counter() - start
    return {
        "people": people,
        "votes": len(seen),
        "seconds": fitted,
        "of the processor": worked,
        "iterations": len(tastes.log_likelihood),
        "milliseconds for a newcomer": 1000 * met,
        "MiB before": before,
        "MiB at most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def real(data: Path, backbone: str, least: int, seed: int) -> dict[str, Any]:
    """Personal against anonymous on topics nobody voted on in training, for annotators with `least` votes or more."""
    from polypref import PreferenceModel, load_groups
    from polypref.models.features import read_features

    model = PreferenceModel.from_backbone(backbone)
    groups = load_groups(data / "crowd.train.jsonl.gz") + load_groups(data / "crowd.dev.jsonl.gz")
    states = np.concatenate([features for features, _ in read_features(model, groups)])
    ends = np.cumsum([len(group) for group in groups])
    parts = np.split(principal_features(states, 16).of(states), ends[:-1])
    topics = [group.prompt_text.split("Stance:")[0] for group in groups]
    fold_of = {topic: k for k, topic in enumerate(np.random.default_rng(seed).permutation(sorted(set(topics))))}
    votes = read_votes(zip(groups, parts))
    topic = np.array([fold_of[name] for name in topics])[votes.prompt] % 6
    busy = np.bincount(votes.person)[votes.person] >= least
    columns: dict[str, list[np.ndarray]] = {"anonymous": [], "tastes": [], "clusters": []}
    held_rows = []
    for fold in range(6):
        known, held = votes.where(topic != fold), votes.where((topic == fold) & busy)
        held_rows.append(np.flatnonzero((topic == fold) & busy))
        anonymous, personal = fit_tastes(known, 0, ridge=10.0), fit_tastes(known, 2, ridge=10.0)
        chosen = choose_clusters(known, (1, 2, 3), ridge=10.0, restarts=1, seed=seed).clusters
        clusters = fit_clusters(known, chosen, ridge=10.0, restarts=2, seed=seed)
        columns["anonymous"].append(anonymous.preferences(held, None))
        columns["tastes"].append(personal.preferences(held, personal.persons))
        columns["clusters"].append(clusters.preferences(held, clusters.members))
    rows = np.concatenate(held_rows)
    share, weight, prompt = votes.share[rows], votes.weight[rows], votes.prompt[rows]
    boot = Bootstrap(prompt, seed=seed)
    said = {name: np.concatenate(part) for name, part in columns.items()}
    loss = {name: -(share * np.log(p) + (1 - share) * np.log1p(-p)) for name, p in said.items()}
    right = {name: np.where(share == 0.5, 0.0, (p > 0.5) == (share > 0.5)) for name, p in said.items()}
    decided = weight * (share != 0.5)
    terms = {f"log-loss, {name}": Terms(weight * of, weight) for name, of in loss.items()}
    terms |= {f"accuracy, {name}": Terms(decided * of, decided) for name, of in right.items()}
    for name in ("tastes", "clusters"):
        terms[f"log-loss gained by {name}"] = Terms(weight * (loss["anonymous"] - loss[name]), weight)
        terms[f"accuracy gained by {name}"] = Terms(decided * (right[name] - right["anonymous"]), decided)
    found = {name: [one.value, one.low, one.high] for name, one in boot.estimates(terms).items() if one}
    people = len(np.unique(votes.person[rows]))
    return {"people": people, "votes": len(rows), "prompts": boot.units, "measured": found}


def table(rows: list[dict[str, Any]], by: str) -> None:
    """Means over seeds, a row for each value of `by`."""
    names = [name for name in rows[0] if name not in (by, "seed")]
    print("| " + " | ".join([by, *names]) + " |\n|" + "---|" * (len(names) + 1))
    for value in sorted({row[by] for row in rows}):
        same = [row for row in rows if row[by] == value]
        means = [f"{np.mean([row[name] for row in same]):.3f}" for name in names]
        print("| " + " | ".join([str(value), *means]) + " |")
    print()


def main() -> None:
    """Print the tables, and write what they come from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--people", type=int, default=100_000, help="persons with 100 votes each; 0 leaves them out")
    parser.add_argument("--real", type=Path, help="folder with convarg's crowd.train and crowd.dev")
    parser.add_argument("--backbone", default="embedded:minilm")
    parser.add_argument("--least", type=int, default=20, help="votes of a real annotator who is foretold")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    if asked.seeds:
        found |= {"known camps": known_camps(asked.seeds), "newcomers": newcomers(asked.seeds)}
        table(found["known camps"], "votes")
        table(found["newcomers"], "shown")
    if asked.people:
        found["many"] = [many(people, 100) for people in (asked.people // 10, asked.people)]
        table(found["many"], "people")
    if asked.real:
        found["real"] = real(asked.real, asked.backbone, asked.least, seed=0)
        print(json.dumps(found["real"], indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
