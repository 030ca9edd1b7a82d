"""Groups out of a store of votes: what people say now of each item, as `store:FILE` or `store:URL` names it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from polypref.errors import DataError
from polypref.groups.model import NOTHING, Comparison, Group, Rating

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SCHEME = "store:"

_ITEMS = "SELECT id, prompt, domain, name, scale FROM items ORDER BY place"
_RESPONSES = "SELECT text, source FROM responses WHERE item = :item ORDER BY place"
_CURRENT = (  # not those that another one corrects
    "SELECT kind, body, who, at FROM votes WHERE item = :item AND kind <> 'withdrawal' "
    "AND id NOT IN (SELECT replaces FROM votes WHERE replaces IS NOT NULL) ORDER BY id"
)


def is_store(name: str) -> bool:
    """Whether a name is that of a store."""
    return name.startswith(SCHEME)


def engine_of(name: str) -> Engine:
    """The database of a store: a SQLite file by its path, or any by its URL."""
    try:
        from sqlalchemy import create_engine
    except ImportError:
        raise DataError("to read a store, install SQLAlchemy: pip install 'polypref[serve]'", file=name) from None
    url = name.removeprefix(SCHEME)
    return create_engine(url if "://" in url else f"sqlite:///{url}", pool_pre_ping=True)


def stored_groups(connection: Connection) -> Iterator[Group]:
    """Every item with what people say of it now."""
    from sqlalchemy import text

    for item in connection.execute(text(_ITEMS)).all():
        asked = {"item": item.id}
        responses = connection.execute(text(_RESPONSES), asked).all()
        votes = connection.execute(text(_CURRENT), asked).all()
        said = [one for row in votes for one in judgments_of(row.kind, json.loads(row.body), row.who, row.at)]
        sources = tuple(row.source for row in responses)
        yield Group(
            json.loads(item.prompt),
            tuple(row.text for row in responses),
            tuple(one for one in said if isinstance(one, Comparison)),
            tuple(one for one in said if isinstance(one, Rating)),
            domain=item.domain,
            id=item.name or item.id,
            sources=sources if any(sources) else (),
            scale=tuple(json.loads(item.scale)),
            meta=NOTHING,
        )


def groups_in(name: str) -> Iterator[Group]:
    """The groups of a store that is there; nothing is made, and nothing changed."""
    import os

    from sqlalchemy.exc import SQLAlchemyError

    place = name.removeprefix(SCHEME).removeprefix("sqlite:///")
    if "://" not in place and not os.path.isfile(place):
        raise DataError("there is no such store", file=name)
    try:
        engine = engine_of(name)
        with engine.connect() as connection:
            yield from stored_groups(connection)
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DataError(f"cannot be read as a store ({reason})", file=name) from None


def judgments_of(kind: str, body: Mapping[str, Any], who: str, at: float) -> Iterator[Comparison | Rating]:
    """A vote as groups hold it: a ranking is the comparisons of all its pairs, an abstention is nothing."""
    more = {"annotator": who, "time": at, **body}
    if kind == "comparison":
        yield Comparison(**more)
    elif kind == "rating":
        yield Rating(**more)
    elif kind == "ranking":
        order = more.pop("order")
        yield from (Comparison(i, j, **more) for i, j in combinations(order, 2))
