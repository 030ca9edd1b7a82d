"""OpenAssistant message trees (Köpf et al. 2023, arXiv 2304.07327): answers ranked at each turn, and labelled.

A prompter's message with the thread before it is the prompt, the assistant's replies to it are the responses. Of two
ranked replies the one with the lower rank is preferred; a label is a rating from 0 to 1 by `count` volunteers (their
mean). Messages that were deleted are left out with all that follows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row, is_nothing
from polypref.groups.merging import distinct_responses
from polypref.groups.model import NOTHING, Comparison, Group, Message, Rating, shown

ROLES = {"prompter": "user", "assistant": "assistant"}
_DEEPEST = 100  # turns; the longest published thread has fewer than 20


class TreeMessage(Row):
    message_id: str
    text: str
    role: str
    rank: Union[int, None] = None
    deleted: Union[bool, None] = None
    model_name: Union[str, None] = None
    labels: Union[dict[str, Any], None] = None
    replies: Union[list[TreeMessage], None] = None


class Tree(Row):
    message_tree_id: str
    prompt: TreeMessage


def _to_group(row: Tree, options: Options) -> Sequence[Group]:
    beside = {"message_tree_id": row.message_tree_id, **row.unknown}
    return [*_groups(row.prompt, (), beside, "prompt")]


def _groups(
    message: TreeMessage, thread: tuple[Message, ...], beside: Mapping[str, Any], field: str
) -> Iterator[Group]:
    if message.role not in ROLES:
        raise DataError(f"expected prompter or assistant, got {shown(message.role)}", field=f"{field}.role")
    if len(thread) >= _DEEPEST:
        raise DataError(f"is answered more than {_DEEPEST} turns deep", field=field)
    if message.deleted:
        return
    thread = (*thread, Message(ROLES[message.role], message.text))
    replies = [(k, reply) for k, reply in enumerate(message.replies or ()) if not reply.deleted]
    answers = [(f"{field}.replies[{k}]", reply) for k, reply in replies if reply.role == "assistant"]
    if answers and message.role == "prompter":
        yield _group(message, thread, answers, beside)
    for k, reply in replies:
        yield from _groups(reply, thread, beside, f"{field}.replies[{k}]")


def _group(
    asked: TreeMessage,
    thread: tuple[Message, ...],
    answers: Sequence[tuple[str, TreeMessage]],
    beside: Mapping[str, Any],
) -> Group:
    for field, answer in answers:
        if not answer.text.strip():
            raise DataError("is empty", field=f"{field}.text")
    replies = [answer for _, answer in answers]
    pairs = itertools.permutations(range(len(replies)), 2)
    sources = tuple(reply.model_name or None for reply in replies)
    said = [{"message_id": reply.message_id, **reply.unknown} for reply in replies]
    group = Group(
        thread,
        tuple(reply.text for reply in replies),
        tuple(Comparison(i, j) for i, j in pairs if _is_better(replies[i], replies[j])),
        tuple(rating for k, (field, reply) in enumerate(answers) for rating in _ratings(k, reply, field)),
        None,
        asked.message_id,
        sources if any(sources) else (),
        (),
        {**beside, "replies": said},
    )
    return distinct_responses(group)


def _is_better(one: TreeMessage, other: TreeMessage) -> bool:
    return one.rank is not None and other.rank is not None and one.rank < other.rank and one.text != other.text


def _ratings(k: int, reply: TreeMessage, field: str) -> Iterator[Rating]:
    for name, (value, count) in _labels(reply.labels or NOTHING, f"{field}.labels").items():
        if is_nothing(value) or not count:
            continue
        try:
            yield Rating(k, value, criterion=name, weight=count)
        except DataError as error:
            raise DataError(error.reason, field=f"{field}.labels.{name}") from None


def _labels(labels: Mapping[str, Any], field: str) -> Mapping[str, tuple[Any, Any]]:
    # as trees have them, name → {value, count}, or as the hub's tables do: three lists
    names, values, counts = (labels.get(key) for key in ("name", "value", "count"))
    if isinstance(names, list):
        if not isinstance(values, list) or not isinstance(counts, list):
            raise DataError("expected lists of name, value and count", field=field)
        if not len(names) == len(values) == len(counts):
            raise DataError("expected a value and a count for each name", field=field)
        return {str(name): (value, count) for name, value, count in zip(names, values, counts)}
    for name, label in labels.items():
        if label is not None and not isinstance(label, dict):
            raise DataError(f"expected a value and a count, got {shown(label)}", field=f"{field}.{name}")
    return {name: (label.get("value"), label.get("count", 1)) for name, label in labels.items() if label}


FORMAT = Format(
    name="oasst",
    title="OpenAssistant trees: at each turn the assistant's replies, ranked and labelled",
    keys=frozenset({"message_tree_id", "prompt"}),
    row=Tree,
    to_group=_to_group,
    fits=lambda row: isinstance(row["prompt"], dict),
)
