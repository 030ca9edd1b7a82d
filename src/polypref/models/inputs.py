"""From text to tokens: how a prompt and a response become one input, and what is cut when it is too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from polypref.errors import DataError
from polypref.groups.model import Group, Prompt, shown
from polypref.models.chat_forms import PLAIN_TEMPLATE, segment_template
from polypref.models.embedded import BackboneError
from polypref.models.templates import check_template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Tokens = NDArray[np.int32]
Layout = Literal["chat", "segments"]
_PROBE = (" Which?\n", " This one, \n\nsaid  two. ")  # with the spaces that tokenizers treat each in its way
MOST_TEMPLATE_TEXT, MOST_COPIES = 1_000_000, 20  # characters of a chat template's own, and of each that it is given


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """What is read for one response (or, by a joint head, for an ordered pair of responses)."""

    tokens: Tokens  # [n], at most the maximal length
    boundary: int  # how many of them are the prompt's
    cut: int  # tokens left out: from the left of the prompt, then of the response
    foretold: bool = False  # whether it matters how likely its response is (see foretelling.py)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def answer(self) -> range:
        """Which of the tokens are the response's, those that nothing comes before left out."""
        return range(max(self.boundary, 1), len(self.tokens))


@dataclass(frozen=True)
class InputFormat:
    """Turns groups into tokens.

    `chat` renders the conversation with the tokenizer's chat template, response included, as TRL and RewardBench do;
    `segments` gives an encoder the prompt and the response as its two segments. What is too long is cut from the left
    of the prompt, and only when none of the prompt is left from the left of the response; special tokens that frame
    the input stay.
    """

    tokenizer: PreTrainedTokenizerFast
    layout: Layout
    max_length: int
    vocabulary: int | None = None  # rows of the embeddings, if known: a token beyond them cannot be read

    def sequences(self, group: Group) -> list[Input]:
        """One for each response, in order."""
        if self.layout == "segments":
            return self._segments(group.prompt_text, list(group.responses))
        return self._chats(group.prompt, list(group.responses), group)

    def pair_sequences(self, group: Group, pairs: Sequence[tuple[int, int]]) -> list[Input]:
        """One for each ordered pair of responses, for a joint head."""
        texts = [_side_by_side(group.responses[i], group.responses[j]) for i, j in pairs]
        if not texts:
            return []
        if self.layout == "segments":
            return self._segments(group.prompt_text, texts)
        return self._chats(group.prompt, texts, group)

    def _chats(self, prompt: Prompt, responses: list[str], group: Group) -> list[Input]:
        turns = turns_of(prompt)
        opening = self._render(turns, True, group)
        texts = [self._render([*turns, {"role": "assistant", "content": text}], False, group) for text in responses]
        encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [
            self._chat(ids, offsets, _shared_length(opening, text))
            for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"])
        ]

    def _chat(self, ids: list[int], offsets: list[tuple[int, int]], end: int) -> Input:
        """The input of a rendered conversation whose prompt ends after `end` characters."""
        boundary = int(np.searchsorted(np.array([stop for _, stop in offsets]), end, side="right"))
        framed = bool(ids) and ids[0] == self.tokenizer.bos_token_id
        return self._fitted(np.array(ids, dtype=np.int32), boundary, frame=int(framed))

    def rendered(self, text: str, end: int) -> Input:
        """What is read of a conversation that the tokenizer's chat template has written; `end` characters are prompt.

        Of two segments, the separator comes after the prompt.
        """
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        if self.layout == "chat":
            return self._chat(ids, offsets, end)
        before, between, after = map(len, self._frame())
        boundary = int(np.searchsorted(np.array([stop for _, stop in offsets]), end, side="right"))
        return self._fitted(np.array(ids, dtype=np.int32), boundary, before, between, after)

    def opening(self, prompt: Prompt, room: int) -> Tokens:
        """The tokens of a prompt up to where an answer begins, cut from the left so that `room` more tokens fit."""
        text = self._render(turns_of(prompt), True, Group(prompt, ("any",)))
        ids = np.array(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int32)
        frame = int(len(ids) > 0 and ids[0] == self.tokenizer.bos_token_id)
        kept = self.max_length - room
        if kept <= frame:
            raise BackboneError(f"inputs of {self.max_length} tokens have no room for a prompt and {room} tokens")
        return replace(self, max_length=kept)._fitted(ids, len(ids), frame).tokens

    def _segments(self, prompt: str, responses: list[str]) -> list[Input]:
        before, between, after = self._frame()
        asked = self.tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        answers = self.tokenizer(responses, add_special_tokens=False, verbose=False)["input_ids"]
        sequences = []
        for answer in answers:
            ids = np.array([*before, *asked, *between, *answer, *after], dtype=np.int32)
            sequences.append(self._fitted(ids, len(before) + len(asked), len(before), len(between), len(after)))
        return sequences

    def _frame(self) -> tuple[list[int], list[int], list[int]]:
        """The special tokens before, between and after two segments."""
        inner = self.tokenizer("x", add_special_tokens=False, verbose=False)["input_ids"]
        whole = self.tokenizer("x", "x")["input_ids"]
        starts = [at for at in range(len(whole) - len(inner) + 1) if whole[at : at + len(inner)] == inner]
        first, second = starts[0], starts[-1]
        return whole[:first], whole[first + len(inner) : second], whole[second + len(inner) :]

    def tell_template(self) -> None:
        """Give the tokenizer a chat template that makes the tokens of two segments, if its special tokens allow one."""
        self.tokenizer.chat_template = segment_template(self.tokenizer, *self._frame())
        turns = [{"role": "user", "content": _PROBE[0]}, {"role": "assistant", "content": _PROBE[1]}]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False)
        found = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        wanted = replace(self, max_length=len(found) + 1)._segments(_PROBE[0], [_PROBE[1]])[0].tokens.tolist()
        if found != wanted:
            self.tokenizer.chat_template = None

    def _fitted(self, ids: Tokens, boundary: int, frame: int, between: int = 0, after: int = 0) -> Input:
        """Cut to the maximal length: `frame` tokens at the start, `between` after the boundary and `after` stay."""
        if self.vocabulary is not None and len(ids) and ids.max() >= self.vocabulary:
            raise BackboneError(
                f"the tokenizer of the model makes token {ids.max()}, and its embeddings end at {self.vocabulary - 1}: "
                "tokenizer and weights are of different models; download both again"
            )
        cut = max(len(ids) - self.max_length, 0)
        if not cut:
            return Input(ids, boundary, 0)
        from_prompt = min(cut, max(boundary - frame, 0))
        from_response = cut - from_prompt
        kept = boundary + between
        ids = np.concatenate([ids[:frame], ids[frame + from_prompt : kept], ids[kept + from_response :]])
        return Input(ids, boundary - from_prompt, cut)

    def _render(self, turns: list[dict[str, str]], opening: bool, group: Group) -> str:
        import jinja2

        name = f"group {shown(group.id)}" if group.id else f"the prompt {shown(group.prompt_text)}"
        try:
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=opening)
        except jinja2.TemplateError as error:
            raise DataError(f"{name} does not fit the chat template of the backbone: {error}") from error
        except Exception as error:  # whatever a stranger's template makes Python raise, endless recursion included
            reason = (str(error).splitlines() or [""])[0][:200]
            raise BackboneError(
                f"the chat template of the backbone fails on {name} ({type(error).__name__}: {reason}); mend "
                "chat_template in the model's folder"
            ) from error
        assert isinstance(text, str)  # nothing is tokenised
        given = sum(len(turn["content"]) for turn in turns)
        if len(text) > MOST_TEMPLATE_TEXT + MOST_COPIES * given:
            raise BackboneError(
                f"the chat template of the backbone makes {len(text):,} characters of the {given:,} of {name}; mend "
                "chat_template in the model's folder"
            )
        return text


def input_format(
    tokenizer: PreTrainedTokenizerFast, layout: Layout, max_length: int, vocabulary: int | None = None
) -> InputFormat:
    """The format for a tokenizer; a tokenizer without a chat template gets one of ours, saved with the model."""
    if not tokenizer.is_fast:
        raise BackboneError(
            f"the tokenizer {type(tokenizer).__name__} is not a fast one, which tells where in the text a token lies; "
            "convert it with AutoTokenizer.from_pretrained(…, use_fast=True)"
        )
    if layout == "chat" and not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
    if layout == "chat":
        check_template(tokenizer.chat_template)
    if max_length < 8:
        raise BackboneError(f"max_length is {max_length}; the least that makes sense is 8 tokens")
    made = InputFormat(tokenizer, layout, max_length, vocabulary)
    if layout == "segments" and not tokenizer.chat_template:
        made.tell_template()
    return made


def turns_of(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as the messages that a chat template reads."""
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return [{"role": message.role, "content": message.content} for message in prompt]


def _shared_length(a: str, b: str) -> int:
    """How many characters two texts begin with in common."""
    if b.startswith(a):
        return len(a)
    return next((at for at, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def _side_by_side(first: str, second: str) -> str:
    return f"Response A:\n{first}\n\nResponse B:\n{second}"
