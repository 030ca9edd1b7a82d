"""Sampling K responses to each of several prompts, every prompt computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polypref.errors import PolyprefError

Ending = Literal["end", "length"]
_SPARSE = 0.5  # of the rows still go on: the others are taken out of the batch


class Sample(NamedTuple):
    """One response as a language model emitted it."""

    tokens: tuple[int, ...]  # without those of the prompt; the end token included, where it ended by itself
    ended: Ending


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn."""

    count: int = 8  # K, for each prompt
    max_tokens: int = 64  # of a response, its end token included
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.count < 1 or self.max_tokens < 1:
            raise PolyprefError(f"{self.count} samples of {self.max_tokens} tokens; expected at least 1 of each")
        if not self.temperature > 0:
            raise PolyprefError(f"temperature is {self.temperature}; expected a number above 0")
        if not 0 < self.top_p <= 1:
            raise PolyprefError(f"top_p is {self.top_p}; expected a number above 0, up to 1")


@torch.no_grad()
def sample(
    model: Any,
    prompts: Sequence[Sequence[int]],
    settings: Sampling,
    ends: Sequence[int],
    seeds: Sequence[int],
) -> list[list[Sample]]:
    """`settings.count` samples for each prompt, given as tokens, from a causal language model of transformers.

    `ends` are the tokens that end a response. A prompt's samples depend on its own seed alone, whatever others are
    drawn beside it, up to what rounding of another batch may turn.
    """
    if not prompts:
        return []
    uniforms = np.stack([np.random.default_rng(seed).random((settings.count, settings.max_tokens)) for seed in seeds])
    draws = torch.from_numpy(uniforms.reshape(-1, settings.max_tokens)).to(model.device)  # [rows, steps]
    was_training = model.training
    model.eval()
    try:
        drawn = _continued(model, prompts, settings, frozenset(ends), draws)
    finally:
        model.train(was_training)
    k = settings.count
    return [[_until_end(row, ends) for row in drawn[at * k : (at + 1) * k]] for at in range(len(prompts))]


def _continued(
    model: Any, prompts: Sequence[Sequence[int]], settings: Sampling, ends: frozenset[int], draws: Tensor
) -> list[list[int]]:
    """The tokens that follow, for every sample of every prompt; rows go on until they end."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for at, prompt in enumerate(prompts):  # padded on the left, so that all go on at the same place
        ids[at, longest - len(prompt) :] = torch.tensor(prompt)
        mask[at, longest - len(prompt) :] = 1
    ids, mask = ids.to(model.device), mask.to(model.device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    out = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **_last_logits(model))
    cache, logits = out.past_key_values, out.logits[:, -1]
    k = settings.count
    cache.batch_repeat_interleave(k)
    logits, mask = logits.repeat_interleave(k, 0), mask.repeat_interleave(k, 0)
    places = positions[:, -1:].repeat_interleave(k, 0)
    rows = torch.arange(len(mask), device=model.device)  # which sample each row of the batch is
    drawn: list[list[int]] = [[] for _ in range(len(mask))]
    going = torch.ones(len(mask), dtype=torch.bool, device=model.device)
    for step in range(settings.max_tokens):
        tokens = _drawn(logits.float(), draws[rows, step], settings)
        for row, token, goes in zip(rows.tolist(), tokens.tolist(), going.tolist()):
            if goes:
                drawn[row].append(token)
        going &= torch.tensor([token not in ends for token in tokens.tolist()], device=model.device)
        if step + 1 == settings.max_tokens or not going.any():
            break
        if going.float().mean() < _SPARSE:
            kept = going.nonzero()[:, 0]
            cache.batch_select_indices(kept)
            rows, tokens, mask, places, going = rows[kept], tokens[kept], mask[kept], places[kept], going[kept]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        places = places + 1
        out = model(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
        )
        cache, logits = out.past_key_values, out.logits[:, -1]
    return drawn


def _drawn(logits: Tensor, uniforms: Tensor, settings: Sampling) -> Tensor:
    """Tokens `[rows]` by inverting the cumulated probabilities of logits `[rows, V]` at uniform numbers `[rows]`."""
    probabilities = (logits / settings.temperature).softmax(-1)
    if not torch.isfinite(probabilities).all():
        raise PolyprefError("the policy gives NaN for the next token: it has diverged, or its weights are damaged")
    if settings.top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True)
        ordered[ordered.cumsum(-1) - ordered >= settings.top_p] = 0.0  # the first to reach top_p stays
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
    cumulated = probabilities.double().cumsum(-1)
    places = torch.searchsorted(cumulated, (uniforms * cumulated[:, -1])[:, None], right=True)[:, 0]
    last = probabilities.shape[-1] - 1 - (probabilities.flip(-1) > 0).int().argmax(-1)
    return torch.minimum(places, last)


def _last_logits(model: Any) -> dict[str, int]:
    """Ask for the logits of the last token alone, where the model's forward knows how."""
    import inspect

    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def _until_end(tokens: list[int], ends: Sequence[int]) -> Sample:
    return Sample(tuple(tokens), "end" if tokens and tokens[-1] in ends else "length")
