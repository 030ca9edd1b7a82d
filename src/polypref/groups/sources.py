"""Whatever names data, one or several sources, as groups; and what was read and left out of them."""

from __future__ import annotations

import glob
import itertools
import os
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Union

from polypref.errors import DataError
from polypref.files import check_name
from polypref.groups.deriving import comparisons_from_ratings
from polypref.groups.dropping import drop_fields
from polypref.groups.memory import are_parts, kind_of, only_part
from polypref.groups.merging import Merger
from polypref.groups.model import NOTHING, Group
from polypref.groups.reading import GroupReader, Source, is_hub_id
from polypref.groups.rows import Progress

# a source, a pattern of paths, a `datasets.DatasetDict` of one part, made groups, or several of all these
Data = Union[Source, Iterable[Union[Source, Group]]]
Watch = Callable[[str], AbstractContextManager[Union[Progress, None]]]  # a bar for a source, by its name


class Sources:
    """The groups of one or several sources; after they were read it knows what was left out.

    Groups of one prompt and domain become one where there are several sources. Groups that were made already, and are
    the only source, are handed on as they are.

    Args:
        data: a path, a pattern of paths such as "data/*.jsonl", "-", a hub id, rows, a `pandas.DataFrame`, a
            `pyarrow.Table`, a `datasets.Dataset`, a `datasets.DatasetDict` of one part, `Group`s, or a list of these.
        format, preferred, skip_bad, columns, longest_row: how each source is read; see `GroupReader`.
        without: what to leave out of the groups; see `drop_fields`.
        pairs_from_ratings: add the comparisons that ratings imply.
        merge: make one of the groups of one prompt and domain also where there is one source.
        watch: a bar that is shown while a source is read.
    """

    def __init__(
        self,
        data: Data,
        *,
        format: str | None = None,
        preferred: str | None = None,
        skip_bad: bool = False,
        columns: Mapping[str, str] = NOTHING,
        longest_row: int | None = None,
        without: Collection[str] = (),
        pairs_from_ratings: bool = False,
        merge: bool = False,
        watch: Watch | None = None,
    ) -> None:
        def reader(source: Source, name: str | None) -> GroupReader:
            return GroupReader(
                source,
                format=format,
                preferred=preferred,
                skip_bad=skip_bad,
                columns=columns,
                longest_row=longest_row,
                name=name,
            )

        found = list(_separated(data))
        self.parts: list[GroupReader | list[Group]] = [
            source if _are_groups(source) else reader(source, name) for source, name in zip(found, _names(found))
        ]
        self.readers = [part for part in self.parts if isinstance(part, GroupReader)]
        self.without = without
        self.pairs_from_ratings = pairs_from_ratings
        # a prompt may occur in several sources, or domains
        self._merges = len(self.parts) > 1 or (bool(self.readers) and (merge or "domain" in without))
        self._watch = watch

    def __iter__(self) -> Iterator[Group]:
        return self._groups(self._watch)

    def unwatched(self) -> Iterator[Group]:
        """The groups without a bar, for those who show one of their own."""
        return self._groups(None)

    def read(self, tell: Callable[[str], None]) -> list[Group]:
        """All groups, after which `tell` gets a sentence on each source that rows were left out of."""
        groups = list(self)
        for line in self.left_out():
            tell(line)
        return groups

    @property
    def are_files(self) -> bool:
        """Whether they can be read twice, unlike standard input."""
        return all(isinstance(one.source, (str, Path)) and Path(one.source).is_file() for one in self.readers)

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows were left out, by reason."""
        return dict(sum((reader.skipped for reader in self.readers), Counter()))

    @property
    def first_skipped(self) -> DataError | None:
        """The first row that was left out."""
        return next((reader.first_skipped for reader in self.readers if reader.first_skipped), None)

    @property
    def rows(self) -> int:
        """How many rows were read, good or bad."""
        return sum(reader.rows for reader in self.readers)

    @property
    def formats(self) -> list[str]:
        """The formats the sources turned out to have."""
        return list(dict.fromkeys(reader.format.name for reader in self.readers if reader.format))

    def left_out(self) -> list[str]:
        """What was left out of each source, with the first row at fault."""
        return [
            f"left out {sum(reader.skipped.values()):,} of {reader.rows:,} rows of {reader.name or 'the data'}; "
            f"the first: {reader.first_skipped}"
            for reader in self.readers
            if reader.skipped
        ]

    def _groups(self, watch: Watch | None) -> Iterator[Group]:
        groups = self._read(watch)
        if self._merges:
            merger = Merger()
            for group in groups:
                merger.add(group)
            groups = merger.pop_groups()
        return map(comparisons_from_ratings, groups) if self.pairs_from_ratings else groups

    def _read(self, watch: Watch | None) -> Iterator[Group]:
        for part in self.parts:
            if isinstance(part, list):
                yield from (drop_fields(group, self.without) for group in part)
                continue
            with watch(str(part.name)) if watch else nullcontext() as part.progress:
                for group in part:
                    yield drop_fields(group, self.without)


def load_groups(
    data: Data,
    *,
    format: str | None = None,
    preferred: str | None = None,
    skip_bad: bool = False,
    columns: Mapping[str, str] = NOTHING,
    longest_row: int | None = None,
) -> list[Group]:
    """The groups of files, patterns of paths, hub data sets, data frames, Arrow tables or rows, or of a list of these.

    Groups of one prompt and domain in several sources become one. Rows left out are warned of.

    Args:
        data: see `Sources` for all that names data.
        format: the format's name; recognised from the first rows of each source if left out.
        preferred: for the domain form, the domain whose responses count as preferred.
        skip_bad: leave out rows that cannot be used, instead of stopping at the first.
        columns: which column holds a field that the format expects under another name: `{"prompt": "question"}`.
        longest_row: of how many bytes a row may be, unpacked (64 MiB, or what `POLYPREF_LONGEST_ROW` says).
    """
    sources = Sources(
        data, format=format, preferred=preferred, skip_bad=skip_bad, columns=columns, longest_row=longest_row
    )
    if not sources.parts:
        raise DataError("has no rows")
    groups = list(sources)
    if sources.skipped:
        count = sum(sources.skipped.values())
        warnings.warn(f"left out {count} of {sources.rows} rows; the first: {sources.first_skipped}", stacklevel=2)
    return groups


def _separated(data: Any) -> Iterator[Any]:
    """Each source by itself; groups that stand beside each other are one."""
    if isinstance(data, str):
        yield from _matching(data)
    elif isinstance(data, Mapping):
        yield only_part(data)
    elif isinstance(data, Path) or kind_of(data):
        yield data
    elif isinstance(data, Iterable):
        yield from _separated_items(data)
    else:
        raise DataError(f"expected the name of a source, rows, a table or groups, got {type(data).__name__}")


def _separated_items(data: Iterable[Any]) -> Iterator[Any]:
    items = iter(data)
    first = next(items, None)
    if first is None:
        return
    again = itertools.chain([first], items)
    if isinstance(first, Mapping) and not are_parts(first):  # these are rows
        yield again if items is data else data
        return
    for is_group, some in itertools.groupby(again, lambda item: isinstance(item, Group)):
        if is_group:
            yield list(some)
        else:
            for item in some:
                yield from _separated(item)


def _matching(name: str) -> list[str]:
    """The files that a pattern of paths matches, in alphabetical order; a name that is no pattern stands for itself."""
    if os.path.exists(name) or is_hub_id(name) or not glob.has_magic(name):
        return [name]
    check_name(name)
    found = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
    if not found:
        raise DataError("there is no file of this name, and none that it matches as a pattern", file=name)
    return found


def _are_groups(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and isinstance(source[0], Group)


def _names(sources: list[Any]) -> list[str | None]:
    """What errors call the sources that have no path; of several of one kind, with their number."""
    if len(sources) == 1:
        return [None]
    kinds = ["" if isinstance(source, (str, Path)) else kind_of(source) or "list" for source in sources]
    return [
        f"{kind} {kinds[: at + 1].count(kind)}" if kind and kinds.count(kind) > 1 else kind or None
        for at, kind in enumerate(kinds)
    ]
