"""The store of what people say: written once, corrected by new rows, and told as groups at any time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, event, func, insert, select
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, OperationalError

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Label, Prompt, Rating
from polypref.groups.stored import engine_of, stored_groups
from polypref.serving.ballots import Vote
from polypref.serving.errors import Refused
from polypref.serving.schema import items, migrate, responses, votes


@dataclass(frozen=True)
class Stored:
    """A vote in the store."""

    id: int
    vote: Vote


class Store:
    """People's votes in a database: a SQLite file, or PostgreSQL by URL. Several processes may use one at once.

    What a call has returned from is committed. Votes are added and never changed; one that corrects another is a new
    row, and only the newest counts.
    """

    def __init__(self, url: str) -> None:
        self.name = url
        try:
            self._engine = _engine(url)
            with self._engine.begin() as connection:
                migrate(connection, url)
        except (OperationalError, ArgumentError, NoSuchModuleError, ImportError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise DataError(f"cannot be opened ({reason})", file=url) from None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _reading(self) -> Connection:
        return self._engine.connect().execution_options(polypref_reads=True)

    # — items —

    def add(self, groups: Iterable[Group]) -> list[str]:
        """Put the prompts and responses of groups in, without what was said of them; returns the ids of the items."""
        with self._engine.begin() as connection:
            return [_added(connection, group) for group in groups]

    def item_ids(self) -> list[str]:
        """All items, in the order they came."""
        with self._reading() as connection:
            return list(connection.execute(select(items.c.id).order_by(items.c.place)).scalars())

    def item(self, id: str) -> Group:
        """An item, without votes."""
        with self._reading() as connection:
            return _group(connection, id)

    # — votes —

    def vote(self, vote: Vote) -> tuple[Stored, bool]:
        """Keep a vote; returns it, and whether it is new: one that is sent again with its key is kept once."""
        try:
            with self._engine.begin() as connection:
                before = _same(connection, vote)
                if before is not None:
                    return before, False
                vote.check(_group(connection, vote.item))
                if vote.replaces is not None:
                    _check_correction(connection, vote)
                row = {**vote.__dict__, "body": json.dumps(dict(vote.body))}
                number = connection.execute(insert(votes).values(row)).inserted_primary_key
                assert number is not None
                return Stored(number[0], vote), True
        except IntegrityError:  # another process was faster with the same key, or with a correction of the same vote
            with self._reading() as connection:
                before = _same(connection, vote)
            if before is None:
                raise Refused("the vote that this one corrects was corrected already", 409) from None
            return before, False

    def current(self, item: str | None = None) -> Iterator[Stored]:
        """The votes that count, in the order they came: not those that were corrected, and no withdrawals."""
        corrected = select(votes.c.replaces).where(votes.c.replaces.is_not(None))
        asked = select(votes).where(votes.c.id.not_in(corrected), votes.c.kind != "withdrawal").order_by(votes.c.id)
        if item is not None:
            asked = asked.where(votes.c.item == item)
        with self._reading() as connection:
            for row in connection.execute(asked):
                yield _stored(row)

    def votes_of(self, who: str) -> list[Vote]:
        """All that a person said, what they corrected among it."""
        with self._reading() as connection:
            rows = connection.execute(select(votes).where(votes.c.who == who).order_by(votes.c.id)).all()
        return [_stored(row).vote for row in rows]

    def count(self) -> int:
        """All rows of votes, those that were corrected among them."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(votes)).scalar_one()

    def people(self) -> list[dict[str, Any]]:
        """Who voted, how often, and when first and last."""
        asked = select(votes.c.who, func.count(), func.min(votes.c.at), func.max(votes.c.at)).group_by(votes.c.who)
        with self._reading() as connection:
            rows = connection.execute(asked.order_by(votes.c.who)).all()
        return [{"who": who, "votes": count, "first": first, "last": last} for who, count, first, last in rows]

    def forget(self, who: str) -> int:
        """Take all that a person said out of the store; returns how many rows that were."""
        with self._engine.begin() as connection:
            newest_first = select(votes.c.id).where(votes.c.who == who).order_by(votes.c.id.desc())
            numbers = list(connection.execute(newest_first).scalars())
            for number in numbers:  # a correction before what it corrects
                connection.execute(delete(votes).where(votes.c.id == number))
            return len(numbers)

    # — as groups —

    def groups(self) -> Iterator[Group]:
        """Every item with what people say of it now."""
        with self._reading() as connection:
            yield from stored_groups(connection)

    def put(self, groups: Iterable[Group], origin: str = "import") -> int:
        """Items and votes of groups; the same groups put in again change nothing. Returns how many votes are new."""
        new = 0
        for group in groups:
            [id] = self.add([group])
            said: list[Comparison | Rating] = [*group.comparisons, *group.ratings]
            for at, judgment in enumerate(said):
                new += self.vote(_imported(id, at, judgment, origin))[1]
        return new


def item_id(group: Group) -> str:
    """The name of what is asked: of prompt, responses and domain."""
    asked = [_plain(group.prompt), list(group.responses), group.domain]
    return hashlib.blake2b(json.dumps(asked).encode(), digest_size=12).hexdigest()


def _engine(url: str) -> Engine:
    engine = engine_of(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin where SQLAlchemy says so, below
            for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {setting}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return engine


def _writes(connection: Connection) -> bool:
    """Whether a transaction may write; those that only read do not wait for others."""
    return not connection.get_execution_options().get("polypref_reads", False)


def _added(connection: Connection, group: Group) -> str:
    id = item_id(group)
    if connection.execute(select(items.c.id).where(items.c.id == id)).first() is not None:
        return id
    place = connection.execute(select(func.coalesce(func.max(items.c.place), -1) + 1)).scalar_one()
    row = {"id": id, "place": place, "prompt": json.dumps(_plain(group.prompt)), "domain": group.domain}
    more = {"name": group.id, "scale": json.dumps(list(group.scale)), "at": time.time()}
    connection.execute(insert(items).values(**row, **more))
    sources = group.sources or (None,) * len(group)
    connection.execute(
        insert(responses),
        [
            {"item": id, "place": at, "text": text, "source": source}
            for at, (text, source) in enumerate(zip(group.responses, sources))
        ],
    )
    return id


def _group(connection: Connection, id: str) -> Group:
    found = connection.execute(select(items).where(items.c.id == id)).first()
    if found is None:
        raise Refused("there is no such item", 404)
    rows = connection.execute(select(responses).where(responses.c.item == id).order_by(responses.c.place)).all()
    sources = tuple(row.source for row in rows)
    scale: tuple[Label, ...] = tuple(json.loads(found.scale))
    return Group(
        json.loads(found.prompt),
        tuple(row.text for row in rows),
        domain=found.domain,
        id=found.name or id,
        sources=sources if any(sources) else (),
        scale=scale,
    )


def _same(connection: Connection, vote: Vote) -> Stored | None:
    """The vote that was kept under the key of this one; refused where it says something else."""
    if vote.key is None:
        return None
    row = connection.execute(select(votes).where(votes.c.who == vote.who, votes.c.key == vote.key)).first()
    if row is None:
        return None
    before = _stored(row)
    said = (before.vote.item, before.vote.kind, dict(before.vote.body), before.vote.replaces)
    if said != (vote.item, vote.kind, json.loads(json.dumps(dict(vote.body))), vote.replaces):
        raise Refused("another vote was kept under this key", 409)
    return before


def _check_correction(connection: Connection, vote: Vote) -> None:
    row = connection.execute(select(votes).where(votes.c.id == vote.replaces)).first()
    if row is None or row.who != vote.who or row.item != vote.item:
        raise Refused("there is no such vote of the same person on the same item", 404)
    if connection.execute(select(votes.c.id).where(votes.c.replaces == vote.replaces)).first() is not None:
        raise Refused("the vote that this one corrects was corrected already", 409)


def _stored(row: Any) -> Stored:
    told = row._asdict()
    id, body = told.pop("id"), json.loads(told.pop("body"))
    return Stored(id, Vote(body=body, **told))


def _imported(id: str, at: int, judgment: Comparison | Rating, origin: str) -> Vote:
    kind = "comparison" if isinstance(judgment, Comparison) else "rating"
    own = ("i", "j", "p", "margin") if kind == "comparison" else ("i", "label")
    names = (*own, "weight", "criterion")
    body = {name: getattr(judgment, name) for name in names if getattr(judgment, name) is not None}
    when = judgment.time if judgment.time is not None else time.time()
    digest = hashlib.blake2b(json.dumps([id, at, kind, body]).encode(), digest_size=12).hexdigest()
    return Vote(id, kind, body, judgment.annotator or "anonymous", when, origin, f"import-{digest}")


def _plain(prompt: Prompt) -> Any:
    return prompt if isinstance(prompt, str) else [{"role": turn.role, "content": turn.content} for turn in prompt]
