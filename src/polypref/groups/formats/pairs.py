"""What the formats of pairs share: finding the prompt, the text of an answer, and building a group of two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polypref.errors import DataError
from polypref.groups.model import NOTHING, Comparison, Group, Message, Prompt

_TURN = re.compile(r"(?:\A|\n\n)\s*(Human|Assistant):|(?:\A|\n)## (Human|Assistant):\n")
_ROLES = {"Human": "user", "Assistant": "assistant"}
_MARKS = {role: mark for mark, role in _ROLES.items()}


def is_transcript(text: Any) -> bool:
    """Whether a text is a whole dialogue, from the first human turn on."""
    match = _TURN.match(text) if isinstance(text, str) else None
    return bool(match and (match[1] or match[2]) == "Human")


def parse_transcript(text: str, field: str) -> list[Message]:
    """The turns of "Human: … Assistant: …" text; turns of one speaker in a row are joined."""
    parts = _TURN.split(text)  # before the first turn, then (Human|Assistant, the same in ## style, content) a turn
    if parts[0].strip() or len(parts) < 4:
        raise DataError("expected a dialogue that starts with 'Human:'", field=field)
    messages: list[Message] = []
    for plain, marked, content in zip(parts[1::3], parts[2::3], parts[3::3]):
        role = _ROLES[plain or marked]
        if messages and messages[-1].role == role:
            messages[-1] = Message(role, f"{messages[-1].content}\n\n{content.strip()}")
        else:
            messages.append(Message(role, content.strip()))
    return messages


def shared_dialogue(dialogues: Sequence[Sequence[Message]], fields: Sequence[str]) -> tuple[Prompt, list[str]]:
    """The turns that dialogues have in common, and what each adds to them as one text."""
    prompt = tuple(dialogues[0][: _shared_length(dialogues)])
    if prompt and len(prompt) == len(dialogues[0]) == len(dialogues[1]):
        prompt = prompt[:-1]  # the same to the end: let the caller find that the answers are equal
    if not prompt:
        raise DataError(f"{fields[0]} and {fields[1]} share no first turn", field=fields[1])
    answers = []
    for dialogue, field in zip(dialogues, fields):
        turns = dialogue[len(prompt) :]
        if turns and turns[0].role != "assistant":
            raise DataError(f"turn {len(prompt) + 1}, where the dialogues part, is not the assistant's", field=field)
        answers.append(answer_text(turns))
    return prompt, answers


def answer_text(turns: Sequence[Message]) -> str:
    """One answer as text; where it runs over several turns, the later ones are marked as in a transcript."""
    if not turns:
        return ""
    return turns[0].content + "".join(f"\n\n{_MARKS.get(role, role.capitalize())}: {said}" for role, said in turns[1:])


def shared_text(texts: Sequence[str], fields: Sequence[str]) -> tuple[str, list[str]]:
    """The beginning that texts have in common, up to a white space, and the rest of each."""
    text, shared = texts[0], _shared_length(texts)
    end = next((k for k in range(shared, 0, -1) if text[k - 1].isspace()), 0)
    prompt = text[:end].strip()
    if not prompt:
        raise DataError(f"there is no prompt, and {fields[0]} and {fields[1]} do not begin alike", field="prompt")
    return prompt, [text[end:].strip() for text in texts]


def _shared_length(sequences: Sequence[Sequence[Any]]) -> int:
    differ = (k for k, items in enumerate(zip(*sequences)) if any(item != items[0] for item in items))
    return next(differ, min(map(len, sequences)))


def pair_group(
    prompt: Prompt,
    answers: Sequence[str],
    comparisons: Sequence[Comparison],
    fields: Sequence[str],
    *,
    domain: str | None = None,
    ident: str | None = None,
    sources: Sequence[str | None] = (),
    meta: Mapping[str, Any] = NOTHING,
) -> Group:
    """A group of two different answers and the comparisons of them."""
    for answer, field in zip(answers, fields):
        if not answer.strip():
            raise DataError("is empty", field=field)
    if answers[0] == answers[1]:
        raise DataError(f"{fields[0]} and {fields[1]} are the same text", field=fields[1])
    known = tuple(sources) if any(sources) else ()
    return Group(prompt, tuple(answers), tuple(comparisons), (), domain, ident, known, (), meta)


def winners_and_losers(group: Group) -> Iterator[tuple[int, int]]:
    """(preferred, other) of each comparison, for formats that hold hard votes alone."""
    require_comparisons(group)
    for c in group.comparisons:
        if c.p not in (0.0, 1.0):
            raise DataError(f"has a share of {c.p:g}, and this format holds hard votes; write trl or polypref")
        yield (c.i, c.j) if c.p else (c.j, c.i)


def require_comparisons(group: Group) -> None:
    """Refuse to write a group as pairs that has none."""
    if not group.comparisons:
        ratings = "; --pairs-from-ratings makes comparisons of its ratings" if group.ratings else ""
        raise DataError(f"has no comparisons, and this format holds pairs{ratings}")
