"""Scores of benchmarks as files: JSON that RewardBench's own tools read, and a table for a model card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from polypref.errors import PolyprefError
from polypref.evaluation.benchmarks.base import Floats, Judged
from polypref.evaluation.benchmarks.rewardbench import PRIOR_SETS
from polypref.evaluation.benchmarks.rewardbench2 import TIES, correct_of
from polypref.files import replace_when_done
from polypref.statistics.resampling import Estimate

REWARDBENCH = ("rewardbench", "rewardbench2")  # the benchmarks whose tools read one flat object per model
_LOCAL = "local"  # in the place of an organisation, for models that are in a folder


@dataclass(frozen=True, slots=True)
class Described:
    """What the files say of a model."""

    name: str  # organisation/name, see `organised`
    scalar: bool  # one reward per response, which RewardBench calls a sequence classifier
    layout: Literal["chat", "segments"]  # how it reads a prompt and a response

    def to_dict(self) -> dict[str, str]:
        """The entries of RewardBench's objects that are no scores."""
        return {
            "model": self.name,
            "model_type": "Seq. Classifier" if self.scalar else "Custom Classifier",
            "chat_template": "tokenizer" if self.layout == "chat" else "none (prompt and response as two segments)",
        }


def write_results(folder: str | Path, model: Described, judged: Mapping[str, Judged]) -> list[Path]:
    """Write one model's scores, and give the paths written:

    - `BENCHMARK/eval-set/ORG/MODEL.json` for RewardBench 1 and 2, as its scripts save it and its leaderboard and its
      analysis read it, with `BENCHMARK/eval-set-scores/ORG/MODEL.json` of the single items; the prior sets of
      RewardBench 1 are in `pref-sets` and `pref-sets-scores`;
    - `BENCHMARK/ORG/MODEL.json` for the others, with intervals;
    - `ORG/MODEL.md`, the table for the model card.
    """
    folder, name = Path(folder), model.name
    files: dict[Path, str] = {}
    for benchmark, found in judged.items():
        if benchmark not in REWARDBENCH:
            files[folder / benchmark / f"{name}.json"] = _json({"model": name, **found.to_dict()})
            continue
        for part, subsets in _by_part(found).items():
            scores = {subset: found.scores["subsets"][subset].value for subset in subsets}
            files[folder / benchmark / part / f"{name}.json"] = _json({**model.to_dict(), **scores})
            items = _items(found, [at for at, group in enumerate(found.groups) if group.domain in subsets])
            files[folder / benchmark / f"{part}-scores" / f"{name}.json"] = _json({**model.to_dict(), **items})
    files[folder / f"{name}.md"] = card(list(judged.values()))
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PolyprefError(f"cannot write {path}: {error.strerror or error}") from error
        with replace_when_done(path) as file:
            file.write(text.encode())
    return list(files)


def organised(models: Sequence[str], domain: str | None = None) -> dict[str, str]:
    """The names of models as `organisation/name`: ids on the hub, or `local/` and the shortest end of a folder's path
    that no other one has; with the domain, if the models are those of a domain."""
    folders = {model: _folders(model) for model in models if not _on_hub(model)}
    ends = {model: ["-".join(parts[-n:]) for n in range(1, len(parts) + 1)] for model, parts in folders.items()}
    taken = Counter(end for all_ends in ends.values() for end in all_ends)
    names = {}
    for model in models:
        known = ends.get(model)
        name = model if known is None else f"{_LOCAL}/{next((end for end in known if taken[end] == 1), known[-1])}"
        names[model] = name if domain is None else f"{name}-{domain.replace('/', '-')}"
    for name, count in Counter(names.values()).items():
        if count > 1:
            same = " and ".join(model for model in models if names[model] == name)
            raise PolyprefError(f"{same} would be written to the same files, as {name}: give one of them")
    return names


def card(judged: Sequence[Judged]) -> str:
    """The scores as a Markdown table, one row per benchmark, level and name."""
    lines = ["| benchmark | score | value | 95 % interval | items |", "|---|---|---|---|---|"]
    for found in judged:
        for level, scores in found.scores.items():
            for name, one in scores.items():
                shown = name if level in ("overall", "subsets", "sections") else f"{level} {name}"
                lines.append(f"| {found.benchmark} | {shown} | {one.value:.4f} | {_interval(one)} | {found.items:,} |")
    return "\n".join(lines) + "\n"


def _on_hub(model: str) -> bool:
    parts = model.split("/")
    return len(parts) == 2 and all(parts) and not model.startswith((".", "~")) and not Path(model).exists()


def _folders(model: str) -> list[str]:
    """The folders that a model is in, from the root on, and its own."""
    if model.startswith("embedded:"):
        return [model.replace(":", "-")]
    path = Path(model).resolve()
    return [part.replace(":", "-") for part in path.parts[1:]] or ["root"]


def _by_part(found: Judged) -> dict[str, list[str]]:
    """The subsets of RewardBench's core set and those of its prior sets, whose scripts write them apart."""
    subsets = list(found.scores["subsets"])
    prior = [subset for subset in subsets if found.benchmark == "rewardbench" and subset in PRIOR_SETS]
    parts = {"eval-set": [subset for subset in subsets if subset not in prior], "pref-sets": prior}
    return {part: members for part, members in parts.items() if members}


def _items(found: Judged, rows: Sequence[int]) -> dict[str, Any]:
    """Columns over items: what decided each, and the rewards of its responses.

    Items of Ties are not decided one by one, and have null for a result, as in RewardBench 2's own files.
    """
    groups, rewards = [found.groups[at] for at in rows], [_rewards(found.rewards[at]) for at in rows]
    results = found.results[rows, 0].tolist()
    columns: dict[str, Any] = {"id": [group.id for group in groups], "subset": [group.domain for group in groups]}
    if found.benchmark == "rewardbench":
        scores = {"scores_chosen": [one[0] for one in rewards], "scores_rejected": [one[1] for one in rewards]}
        return {**columns, "results": results, **scores}
    decided = [None if group.domain == TIES else result for group, result in zip(groups, results)]
    return {**columns, "results": decided, "scores": rewards, "num_correct": [correct_of(group) for group in groups]}


def _rewards(scores: Floats | None) -> list[float]:
    assert scores is not None  # RewardBench asks for them
    return [float(score) for score in scores]


def _interval(one: Estimate) -> str:
    return "–" if one.low is None or one.high is None else f"{one.low:.3f}–{one.high:.3f}"


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
