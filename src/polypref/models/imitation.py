"""Preference imitation: the language-modelling loss on the best responses, read off the states' own forward pass."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from polypref.models.backbones import BackboneSettings, reads_last_token
from polypref.models.causal import cap_of, capped, foretells_as, load_language_model
from polypref.models.embedded import BackboneError
from polypref.models.foretelling import of_responses
from polypref.models.packing import Foretold


class LanguageHead(nn.Module):
    """How a language model foretells the next token from a hidden state; frozen, unless it is the embeddings."""

    def __init__(self, weight: Tensor | None, bias: Tensor | None, cap: float | None) -> None:
        super().__init__()
        self.weight = _frozen(weight)  # [vocabulary, hidden]; None: the input embeddings, which may be trained
        self.bias = _frozen(bias)  # [vocabulary]
        self.cap = cap  # logits stay below, as Gemma's do

    def forward(self, hidden: Tensor, foretold: Foretold, embeddings: Tensor) -> Tensor:
        """−log p of an imitated response's tokens, each given all before it, on average; 0 for other inputs.

        `hidden` is that of a whole pack of n inputs, `[rows, L, hidden]` → `[n]`, in single precision.
        """
        weight = embeddings if self.weight is None else self.weight
        found = of_responses(hidden, foretold, partial(self.logits, weight=weight), len(weight))
        return -found.total / found.tokens.clamp(min=1)

    def logits(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """`[…, hidden]` → `[…, vocabulary]`, in single precision."""
        return capped(functional.linear(hidden, weight, self.bias), self.cap)


def language_head(classifier: Any, name: str, settings: BackboneSettings) -> LanguageHead:
    """The language-modelling head of the checkpoint `name` that the classifier was made of."""
    if not reads_last_token(classifier):
        raise BackboneError(
            f"imitation needs a decoder, which foretells the next token, and {name!r} is an encoder; choose a decoder "
            "such as embedded:smollm2, or leave imitation out"
        )
    model, _ = load_language_model(name, settings, "imitation")
    embeddings, output = model.get_input_embeddings().weight, model.get_output_embeddings()
    head = LanguageHead(None if output.weight is embeddings else output.weight, output.bias, cap_of(model))
    if not foretells_as(model, partial(head.logits, weight=output.weight)):
        raise BackboneError(
            f"the language-modelling head of {name!r} is more than a linear layer, which imitation does not know; "
            "leave imitation out"
        )
    return head.to(classifier.device)


def _frozen(values: Tensor | None) -> nn.Parameter | None:
    return None if values is None else nn.Parameter(values.detach(), requires_grad=False)
