"""The tables of a store, and the steps that bring an older one to today's form."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    update,
)

from polypref.errors import DataError

metadata = MetaData()

about = Table("polypref", metadata, Column("version", Integer, nullable=False))

items = Table(
    "items",
    metadata,
    Column("id", Text, primary_key=True),  # a hash of what is asked: the same question is there once
    Column("place", Integer, nullable=False),  # in the order they came
    Column("prompt", Text, nullable=False),  # JSON: text, or messages
    Column("domain", Text),
    Column("name", Text),  # the id of the group, where it had one
    Column("scale", Text, nullable=False),  # JSON
    Column("at", Float, nullable=False),
)

responses = Table(
    "responses",
    metadata,
    Column("item", Text, ForeignKey("items.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("source", Text),  # who or what wrote it
)

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item", Text, ForeignKey("items.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("who", Text, nullable=False, index=True),
    Column("at", Float, nullable=False),  # seconds since 1970
    Column("origin", Text, nullable=False),  # from where: the page, a program, a file
    Column("key", Text),  # idempotency
    Column("replaces", Integer, ForeignKey("votes.id"), unique=True),  # the vote that this one corrects
    UniqueConstraint("who", "key", name="once"),
    sqlite_autoincrement=True,  # the number of a forgotten vote is not used again
)


def _first(connection: Connection) -> None:
    metadata.create_all(connection)


STEPS: tuple[Callable[[Connection], None], ...] = (_first,)  # from version n to n + 1; add to its end, change none


def migrate(connection: Connection, name: str) -> None:
    """Bring a store to today's version; one that is newer than this program is refused."""
    version = 0
    if inspect(connection).has_table(about.name):
        version = connection.execute(select(about.c.version)).scalar_one()
    if version > len(STEPS):
        raise DataError(f"is a store of version {version}, and this polypref knows {len(STEPS)}: upgrade it", file=name)
    if version == len(STEPS):
        return
    for step in STEPS[version:]:
        step(connection)
    if version:
        connection.execute(update(about).values(version=len(STEPS)))
    else:
        connection.execute(insert(about).values(version=len(STEPS)))
