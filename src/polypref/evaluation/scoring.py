"""What a model says of groups, written beside them: streamed in constant memory, and resumable after a kill."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from polypref.errors import DataError, PolyprefError
from polypref.groups.json_text import to_json
from polypref.groups.model import Group
from polypref.groups.reading import GroupReader
from polypref.groups.rows import STDIN
from polypref.groups.writing import GroupWriter, to_rows
from polypref.models.answer import Cut, StateAnswer
from polypref.models.preference_model import PreferenceModel

SCORES = "scores"  # the key beside a group's own; readers keep it in `meta`
DIGITS = 6  # significant, of every number

GroupsDone = Callable[[int], None]  # groups done


class ScoringError(PolyprefError):
    """Scores that cannot be given or gone on with."""


@dataclass(frozen=True)
class Scored:
    """What became of the data."""

    groups: int
    kept: int  # of them scored by an earlier run
    cut: Cut  # of this run


@dataclass(frozen=True)
class Scorer:
    """A model, the name it is given beside its scores, and whether K × K preferences are written too."""

    model: PreferenceModel
    name: str
    preferences: bool = False

    def __post_init__(self) -> None:
        if self.model.head.joint and not self.preferences:
            raise ScoringError(
                f"a {self.model.head.name} head has no states of single responses to write, for it reads two "
                "together; ask for its preferences with --preferences"
            )

    def block(self, groups: list[Group], cut: Cut) -> list[Group]:
        """The groups with their scores in `meta`; what is left out of them is counted."""
        scored = []
        for group, answer in self.model.encode(groups):
            try:
                scored.append(replace(group, meta={**group.meta, SCORES: self.scores(answer)}))
            except ScoringError as error:
                raise ScoringError(f"{self.name} gave {group.id or 'a group'} {error}") from None
            cut.count(answer)
        return scored

    def scores(self, answer: StateAnswer) -> dict[str, Any]:
        """All that a model says of one group, as JSON."""
        found: dict[str, Any] = {"model": self.name}
        if answer.domain is not None:
            found["domain"] = answer.domain
        found["utilities"] = _rounded(answer.utilities)
        if not answer.head.joint:
            found["states"] = _rounded(answer.states)
        if answer.labels is not None:
            found |= {"labels": list(answer.labels), "distributions": _rounded(answer.opinions())}
        if self.preferences:
            found["preferences"] = _rounded(answer.preferences)
        return found


def score_file(
    scorer: Scorer,
    groups: Iterable[Group],
    out: str,
    *,
    resume: bool = False,
    block: int | None = None,
    progress: GroupsDone | None = None,
) -> Scored:
    """Write groups with their scores; the ending of `out` chooses the container, "-" is standard output.

    Lines collect in `out.unfinished`, which becomes `out` at the end. A run that is killed leaves it, and with `resume`
    its whole blocks are kept: the first is computed again and must come out the same, byte for byte, so that another
    model or other options are noticed; the others must be of the groups that the data have.
    """
    writer = GroupWriter(out)  # refuses an ending that is not written before anything is computed
    # groups are scored together as they are encoded: the numbers of a block depend on no group outside it
    blocks = _blocks(groups, block or scorer.model.window)
    if out == STDIN or (os.path.exists(out) and not os.path.isfile(out)):  # a pipe has no name to take over
        if resume:
            raise ScoringError("--resume needs an --out that is a file: there is nothing to go on with")
        with writer:
            return _score_into(writer, scorer, blocks, progress)
    unfinished = Path(f"{out}.unfinished")
    if unfinished.exists() and not resume:
        raise ScoringError(f"{unfinished} holds an unfinished run; add --resume to go on, or delete it first")
    with _lines_of(unfinished) as lines:
        done = _score_lines(lines, str(unfinished), scorer, blocks, progress)
    with writer:
        for group in GroupReader(unfinished, format="polypref"):
            writer.write(group)
    unfinished.unlink()
    return done


def _score_into(
    writer: GroupWriter, scorer: Scorer, blocks: Iterable[list[Group]], progress: GroupsDone | None
) -> Scored:
    groups, cut = 0, Cut()
    for block in blocks:
        for group in scorer.block(block, cut):
            writer.write(group)
        groups += len(block)
        if progress:
            progress(groups)
    return Scored(groups, 0, cut)


def _score_lines(
    lines: BinaryIO, name: str, scorer: Scorer, blocks: Iterable[list[Group]], progress: GroupsDone | None
) -> Scored:
    """Add what is missing to the lines of an unfinished run."""
    groups, kept, cut = 0, 0, Cut()
    for block in blocks:
        start = lines.tell()
        before = list(_complete(itertools.islice(lines, len(block))))
        if len(before) == len(block) and groups:
            if [_data_of(line) for line in before] != [_data_of(line) for line in map(_line, block)]:
                raise _of_other_data(name)
        else:
            now = [_line(group) for group in scorer.block(block, cut)]
            if len(before) < len(block):
                lines.seek(start)
                lines.truncate()
                lines.write(b"".join(now))
                lines.flush()
                before = []
            elif before != now:
                same = [_data_of(line) for line in before] == [_data_of(line) for line in now]
                raise _of_another_model(name, scorer.name) if same else _of_other_data(name)
        kept += len(before)
        groups += len(block)
        if progress:
            progress(groups)
    if lines.read(1):
        raise _of_other_data(name)
    return Scored(groups, kept, cut)


@contextmanager
def _lines_of(path: Path) -> Iterator[BinaryIO]:
    """An unfinished file to read and write; one that is still empty at the end goes away."""
    try:
        path.touch()
        with open(path, "r+b") as file:
            yield file
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=path) from None
    finally:
        if path.is_file() and not path.stat().st_size:
            path.unlink()


def _blocks(groups: Iterable[Group], size: int) -> Iterator[list[Group]]:
    source = iter(groups)
    while block := list(itertools.islice(source, size)):
        yield block


def _complete(lines: Iterable[bytes]) -> Iterator[bytes]:
    return itertools.takewhile(lambda line: line.endswith(b"\n"), lines)


def _line(group: Group) -> bytes:
    return to_json(next(to_rows([group]))) + b"\n"


def _data_of(line: bytes) -> Any:
    """A line without what a model says."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return {key: value for key, value in row.items() if key != SCORES} if isinstance(row, dict) else None


def _of_other_data(name: str) -> ScoringError:
    return ScoringError(f"{name} was made from other data: resume with the same --data, or delete it to start anew")


def _of_another_model(name: str, model: str) -> ScoringError:
    return ScoringError(
        f"{name} was made by another model than {model}, or with other options: resume with the same, or delete it to "
        "start anew"
    )


def _rounded(values: NDArray[np.float64]) -> Any:
    """Numbers as JSON lists, to six significant digits."""
    if not np.isfinite(values).all():
        raise ScoringError("scores with NaN or infinity: look for a diverged training or a faulty input")
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values]
