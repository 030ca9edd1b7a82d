"""OpenAssistant's flat messages, as the hub has them: the trees are put together by parent_id first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats import oasst
from polypref.groups.formats.base import Format

_OF_TREES = ("message_tree_id", "tree_state")

_Part = tuple[int, Union[Mapping[str, Any], DataError]]


def _assemble(rows: Iterable[_Part]) -> Iterator[_Part]:
    messages: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, row in rows:
        error = row if isinstance(row, DataError) else _fault(row, messages)
        if error or isinstance(row, DataError):
            yield number, error or row
        else:
            messages[row["message_id"]] = (number, {**row, "replies": []})
    for number, message in messages.values():
        if message["parent_id"] is None:
            continue
        if message["parent_id"] in messages:
            messages[message["parent_id"]][1]["replies"].append(message)
        else:
            yield number, DataError("is of no message in the file", field="parent_id")
    for number, message in messages.values():
        if message["parent_id"] is None:
            beside = {key: message[key] for key in _OF_TREES if key in message}
            yield number, {"message_tree_id": message["message_id"], **beside, "prompt": _bare(message)}


def _fault(row: Mapping[str, Any], known: Mapping[str, Any]) -> DataError | None:
    for key, kinds in (("message_id", (str,)), ("parent_id", (str, type(None)))):
        if key not in row:
            return DataError("is missing", field=key)
        if not isinstance(row[key], kinds):
            return DataError("expected the id of a message", field=key)
    if row["message_id"] in known:
        return DataError("is that of an earlier message", field="message_id")
    return None


def _bare(root: dict[str, Any]) -> dict[str, Any]:
    # the tree says it once for all of its messages
    waiting = [root]
    while waiting:
        message = waiting.pop()
        for key in _OF_TREES:
            message.pop(key, None)
        waiting += message["replies"]
    return root


FORMAT = Format(
    name="oasst-messages",
    title="OpenAssistant messages, one a row, put together into their trees",
    keys=frozenset({"message_id", "parent_id", "text", "role"}),
    row=oasst.Tree,
    to_group=oasst.FORMAT.to_group,
    assemble=_assemble,
)
