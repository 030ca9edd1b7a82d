"""From a conversation that a chat template has written back to the prompt and the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polypref.errors import PolyprefError
from polypref.groups.model import Message, Prompt
from polypref.models.inputs import InputFormat
from polypref.serving.errors import Refused

_ASKED, _SAID = "polyprefasks", "polyprefsays"
_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
)  # how the policies of today end a turn


@dataclass(frozen=True)
class Transcripts:
    """What a model's chat template writes around the last prompt and its response."""

    start: str  # what every text starts with, and clients leave out: their tokenizers add it
    opening: str  # between the prompt and the response
    closing: str  # after the response
    after_prompt: bool  # whether the opening belongs to the prompt (a chat), or parts two segments

    @classmethod
    def of(cls, inputs: InputFormat) -> Transcripts | None:
        """Those of a model; None where its template does not write what is said as it is said."""
        tokenizer = inputs.tokenizer
        if not tokenizer.chat_template:
            return None
        turns = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}]
        whole = tokenizer.apply_chat_template(turns, tokenize=False)
        if not isinstance(whole, str) or whole.count(_ASKED) != 1 or whole.count(_SAID) != 1:
            return None
        before, rest = whole.split(_ASKED)
        opening, closing = rest.split(_SAID)
        bos = tokenizer.bos_token or ""
        start = bos if bos and before.startswith(bos) else ""
        return cls(start, opening, closing, inputs.layout == "chat") if opening else None

    def split(self, text: str) -> tuple[str, str]:
        """The two parts of a whole text, which add up to it (with the start that was left out)."""
        if not text.startswith(self.start):
            text = self.start + text
        within = len(text) - len(self.closing) if self.closing and text.endswith(self.closing) else len(text)
        at = text.rfind(self.opening, 0, within)
        if at < 0:
            raise Refused(
                f"the text has no turn of an assistant ({self.opening!r}) as the model's chat template writes it, so "
                "that prompt and response cannot be told apart"
            )
        end = at + len(self.opening) if self.after_prompt else at
        if not text[at + len(self.opening) : within].strip():
            raise Refused("the response is empty")
        return text[:end], text[end:]

    def continued(self, prompt: str, response: str) -> tuple[str, str] | None:
        """A rendered prompt and what a policy said after it, as the template writes them; None: it was not rendered."""
        if not self.after_prompt or not prompt.endswith(self.opening.lstrip()) or prompt == self.opening:
            return None
        if not prompt.startswith(self.start):
            prompt = self.start + prompt
        return prompt, response + self.closing


def without_end(text: str, own: str | None = None) -> str:
    """What a policy said, without the tokens that end its turn."""
    ends = (*_ENDS, own) if own else _ENDS
    while True:
        stripped = text.rstrip("\n")
        end = next((end for end in ends if stripped.endswith(end)), None)
        if end is None:
            return text
        text = stripped[: -len(end)]


def prompt_of(turns: Sequence[Message]) -> Prompt:
    """Messages as a prompt; one of the user alone is plain text, which every model reads alike."""
    if len(turns) == 1 and turns[0].role == "user":
        return turns[0].content
    return tuple(turns)


def text_of(content: object) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(str(part.get("text") or "") for part in content)
    raise PolyprefError(f"expected text or a list of parts with text, got {type(content).__name__}")


def sound(text: str) -> str:
    """Text that can be written; refused where it holds a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("expected text, got a lone surrogate") from None
    return text
