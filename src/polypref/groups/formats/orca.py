"""Intel's Orca pairs as first published: a question, and an answer under the name of each model."""

from __future__ import annotations

from pydantic import Field

from polypref.groups.formats.alpaca import Instruction, instructed_pair
from polypref.groups.formats.base import Format, Options
from polypref.groups.model import Group

_MODELS = ("chatgpt", "llama2-13b-chat")  # the first is taken to be better


class NamedPairRow(Instruction):
    question: str
    chatgpt: str
    llama: str = Field(alias="llama2-13b-chat")


def _to_group(row: NamedPairRow, options: Options) -> Group:
    return instructed_pair(row, (row.chatgpt, row.llama), _MODELS, None, _MODELS)


FORMAT = Format(
    name="orca",
    title="Intel's Orca pairs as first published: a question, chatgpt (chosen) and llama2-13b-chat (rejected)",
    keys=frozenset({"question", *_MODELS}),
    row=NamedPairRow,
    to_group=_to_group,
)
