"""Pairs to be judged, as files that people and annotation tools read: polypref's own, CSV, Argilla, Label Studio."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from polypref.collection.asking import Question
from polypref.errors import PolyprefError, unknown
from polypref.files import replace_when_done
from polypref.groups.json_text import to_json
from polypref.groups.model import Group
from polypref.groups.writing import to_rows

_CELLS = ("id", "prompt", "response_a", "response_b", "winner", "annotator", "why")


class Task(NamedTuple):
    """A question with its texts, in the order in which they are shown."""

    id: str
    group: Group  # of the two responses alone
    rule: str
    question: Question


def make_tasks(groups: Sequence[Group], questions: Iterable[Question], rule: str, *, seed: int = 0) -> list[Task]:
    """The questions as tasks. Which response is shown first is drawn by the seed, so that position tells nothing."""
    rng = np.random.default_rng(seed)
    tasks = []
    for question in questions:
        group = groups[question.group]
        shown = (question.i, question.j) if rng.random() < 0.5 else (question.j, question.i)
        name = f"{group.id or question.group + 1}:{shown[0]}:{shown[1]}"
        of_two = replace(
            group,
            responses=tuple(group.responses[k] for k in shown),
            comparisons=(),
            ratings=(),
            id=name,
            sources=tuple(group.sources[k] for k in shown) if group.sources else (),
            meta={**group.meta, "asked": {"rule": rule, "value": question.value, "why": question.why}},
        )
        tasks.append(Task(name, of_two, rule, question))
    return tasks


def write_tasks(tasks: Iterable[Task], path: str | Path, form: str = "polypref") -> None:
    """Write tasks in one of `FORMS`, whole or not at all."""
    if form not in FORMS:
        raise PolyprefError(unknown("form", form, FORMS))
    written = FORMS[form](tasks)
    with replace_when_done(path) as file:
        file.write(written)


def _polypref(tasks: Iterable[Task]) -> bytes:
    """One group of two responses a line; answers are added as comparisons."""
    return b"".join(to_json(row) + b"\n" for row in to_rows(task.group for task in tasks))


def _csv(tasks: Iterable[Task]) -> bytes:
    """A table whose column `winner` (a, b or tie) is to be filled in, and which is then read as the format votes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CELLS)
    for task in tasks:
        a, b = task.group.responses
        writer.writerow([task.id, task.group.prompt_text, a, b, "", "", task.question.why])
    return text.getvalue().encode()


def _argilla(tasks: Iterable[Task]) -> bytes:
    """Records as `dataset.records.from_json` of Argilla 2 reads them."""
    empty: dict[str, Any] = {"suggestions": {}, "responses": {}, "vectors": {}}
    return _json(
        {"id": task.id, "fields": _texts(task), "metadata": {"rule": task.rule, **_reason(task)}, **empty}
        for task in tasks
    )


def _label_studio(tasks: Iterable[Task]) -> bytes:
    """Tasks as Label Studio imports them; the configuration names `$prompt`, `$response_a` and `$response_b`."""
    return _json({"data": {"id": task.id, **_texts(task), "rule": task.rule, **_reason(task)}} for task in tasks)


def _texts(task: Task) -> dict[str, str]:
    a, b = task.group.responses
    return {"prompt": task.group.prompt_text, "response_a": a, "response_b": b}


def _reason(task: Task) -> dict[str, Any]:
    return {"value": task.question.value, "why": task.question.why}


def _json(rows: Iterable[Any]) -> bytes:
    return (json.dumps(list(rows), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


FORMS: dict[str, Callable[[Iterable[Task]], bytes]] = {
    "polypref": _polypref,
    "csv": _csv,
    "argilla": _argilla,
    "label-studio": _label_studio,
}
