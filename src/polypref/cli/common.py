"""What the commands share: options, progress, reading, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.errors import DataError, PolyprefError

if TYPE_CHECKING:
    from polypref.evaluation.cache import StateCache
    from polypref.groups.model import Group
    from polypref.groups.rows import Progress
    from polypref.groups.sources import Sources
    from polypref.models.answer import Cut
    from polypref.models.preference_model import PreferenceModel

Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA…",
        help="Files (JSON lines, JSON, CSV, Parquet; plain, gz, zst), patterns of paths, hub ids, or - .",
        show_default=False,
    ),
]
DataFiles = Annotated[
    list[str],
    typer.Option("--data", metavar="FILE", help="Data, in any format that is read, or - ; may be repeated."),
]
ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="Folder or Hugging Face id of a preference model.", show_default=False),
]


def domain_option(more: str = "") -> Any:
    """`--domain`, and what it takes besides."""
    words = "Of a customised folder, the model of this domain; own: each group's own, or else the general one"
    return typer.Option("--domain", metavar="NAME", help=f"{words}{more}.", show_default=False)


DomainName = Annotated[Optional[str], domain_option()]
MaxLength = Annotated[
    Optional[int],
    typer.Option(
        "--max-length", min=8, help="Longest input in tokens; the model's own if left out.", show_default=False
    ),
]
DtypeName = Annotated[
    str, typer.Option("--dtype", metavar="NAME", help="Precision of the weights: float32, bfloat16 or float16.")
]
Device = Annotated[
    Optional[str],
    typer.Option(
        "--device", metavar="NAME", help="cpu, cuda, cuda:1, mps …; a CUDA GPU if there is one.", show_default=False
    ),
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run the code that comes with the model, if it has any.")
]
STATE_TOKENS = "What a decoder's state is read off: the last token, the last before_padding, or as the checkpoint says."
StateTokenName = Annotated[str, typer.Option("--state-token", metavar="NAME", help=STATE_TOKENS)]
FormatName = Annotated[
    Optional[str], typer.Option("--format", metavar="NAME", help="Format of the data; recognised if left out.")
]
Preferred = Annotated[
    Optional[str],
    typer.Option("--preferred", metavar="DOMAIN", help="Domain form: the domain whose responses are preferred."),
]
ColumnNames = Annotated[
    Optional[str],
    typer.Option(
        "--columns",
        metavar="FIELD=COLUMN,…",
        help="Columns under other names than the format's, such as prompt=question,chosen=good.",
        show_default=False,
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Count and leave out bad rows instead of stopping.")]
Without = Annotated[
    Optional[list[str]],
    typer.Option("--without", metavar="FIELD", help="Leave out: criterion, annotator, time, domain, sources or meta."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
CacheFolder = Annotated[
    Optional[str],
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Where states are kept; polypref's cache folder if left out.",
        show_default=False,
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no states, and read none that were kept.")]
PersonName = Annotated[
    Optional[str],
    typer.Option("--person", metavar="NAME", help="As this person of the data sees it.", show_default=False),
]
VotesFile = Annotated[
    Optional[str],
    typer.Option(
        "--votes", metavar="FILE", help="As a new person sees it, whose judgments these are.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


INTERRUPTED = 130  # the exit status after Ctrl-C, as shells have it
_WIDEST = 10_000  # characters of a line in a file or a pipe


def sources_of(
    data: Sequence[str],
    *,
    format: str | None,
    preferred: str | None,
    columns: str | None,
    skip_bad: bool,
    without: Collection[str] | None,
    pairs_from_ratings: bool = False,
) -> Sources:
    """The data of a command, read with a progress bar."""
    from polypref.groups.columns import parse_columns
    from polypref.groups.sources import Sources

    return Sources(
        data,
        format=format,
        preferred=preferred,
        columns=parse_columns(columns) if columns is not None else {},
        skip_bad=skip_bad,
        without=without or (),
        pairs_from_ratings=pairs_from_ratings,
        watch=progress_bar,
    )


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar on standard error, if that is a terminal; called with (stage, done, total)."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda stage, done, total: bar.update(
            task, description=f"{stage} {what}", completed=done, total=total or None
        )


def check_cache(folder: str | None, no_cache: bool) -> None:
    """Refuse `--cache` beside `--no-cache`."""
    if no_cache and folder is not None:
        raise PolyprefError("--cache and --no-cache contradict each other: give one of them")


def cached_in(folder: str | None, no_cache: bool) -> Callable[[PreferenceModel], StateCache | None]:
    """What gives the cache of a model's states, or None where none is kept."""
    from polypref.evaluation.cache import cache_of

    return lambda model: None if no_cache else cache_of(model, folder)


@contextmanager
def models_bar() -> Iterator[Progress]:
    """A bar for models that are assessed one after the other; called with (the model, groups done, of how many)."""
    with progress_bar("the models") as progress:
        yield lambda name, done, total: progress(f"assessing {name}, one of", done, total)


def note_by_general(model: PreferenceModel) -> None:
    """Say, of `--domain own`, how many of the groups read had no domain with a model."""
    from polypref.models.domains import OwnDomains

    if isinstance(model, OwnDomains) and model.by_general:
        note(f"the general model read {model.by_general:,} of {model.read:,} groups, which no domain's model is for")


def seen_by(model: PreferenceModel, person: str | None, votes: str | None) -> PreferenceModel:
    """The model as a person sees it, one whom it knows or a new one by their votes; as it is where neither is given."""
    if person is not None and votes is not None:
        raise PolyprefError("--person and --votes contradict each other: give one of them")
    if person is not None:
        return model.person(person)
    if votes is not None:
        from polypref.groups.sources import Sources

        return model.meet(Sources([votes], watch=progress_bar).read(note))
    return model


def named_person(person: str | None, votes: str | None) -> dict[str, str]:
    """What JSON says of whose preferences they are, if they are one person's."""
    return {} if person is votes is None else {"person": person} if person is not None else {"votes": str(votes)}


def named_domain(domain: str | None) -> dict[str, str]:
    """What JSON says of the domain whose model was used, if models have domains."""
    return {} if domain is None else {"domain": domain}


def counted(groups: Iterable[Group], what: str, total: int) -> Iterator[Group]:
    """The groups, with a bar that counts them."""
    with progress_bar(what) as progress:
        for done, group in enumerate(groups, 1):
            yield group
            if done % 256 == 0:
                progress("writing", done, total)


def note(text: str) -> None:
    """One line on standard error."""
    print(f"polypref: {text}", file=sys.stderr)


def note_cut(name: str, cut: Cut, longest: int) -> None:
    """Say that inputs were too long for a model, in how many groups, and by how much."""
    if cut.tokens:
        groups = f"{cut.groups:,} group" if cut.groups == 1 else f"{cut.groups:,} groups"
        note(
            f"{name} reads {longest:,} tokens of a prompt and a response: {cut.tokens:,} tokens cut in {groups}, "
            "prompts first"
        )


def print_line(text: str, *, stderr: bool = False) -> None:
    """One line for people, on standard output unless that holds data."""
    print(text, file=sys.stderr if stderr else sys.stdout)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(
    rows: Iterable[Sequence[str]], *, header: Sequence[str] = (), title: str = "", stderr: bool = False
) -> None:
    """A plain table for people."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if header else None, show_header=bool(header))
    for name in header:
        table.add_column(Text(name), overflow="fold")  # Text: in plain strings, rich takes [brackets] for styles
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(stderr=stderr, highlight=False)
    if header and not console.is_terminal:  # a file or a pipe has no width to keep to
        console.width = max(
            console.width, console.measure(table, options=console.options.update(width=_WIDEST)).maximum
        )
    if title:
        console.print(Text(title, style="italic"))  # a title of the table would be broken at the table's width
    console.print(table)


def parse_shares(text: str) -> dict[str, float]:
    """Parts and shares from "train=0.9,dev=0.1"."""
    from polypref.groups.splitting import check_shares

    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            shares[name] = float(share)
        except ValueError:
            raise DataError(f"--split expects parts and shares such as train=0.9,dev=0.1, got {text!r}") from None
        if not name.isidentifier():
            raise DataError(f"--split expects plain names for its parts, got {name!r}")
    check_shares(shares)
    return shares


def put_setting(given: dict[str, Any], setting: str) -> None:
    """Put `name.inner=value` into the settings; the value is read as JSON where it is that."""
    name, equals, text = setting.partition("=")
    if not equals:
        raise DataError(f"--set expects NAME=VALUE, got {setting!r}")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    *path, last = name.split(".")
    for part in path:
        given = given.setdefault(part, {})
        if not isinstance(given, dict):
            raise DataError(f"--set {setting} names a setting inside {part}, which is {given!r} and has none")
    given[last] = value
