"""How likely responses are: log p of their tokens, each given all before it, a few logits at a time and none kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from polypref.models.packing import Foretold

_LOGITS = 1 << 24  # computed at a time: 64 MiB, for any number of tokens


class LogProbabilities(NamedTuple):
    """Of n responses, in single precision."""

    total: Tensor  # [n], Σ log p of a response's tokens; 0 for what is not foretold
    tokens: Tensor  # [n], how many these are


def of_responses(
    hidden: Tensor, foretold: Foretold, logits: Callable[[Tensor], Tensor], vocabulary: int
) -> LogProbabilities:
    """Log-probabilities of a pack's n responses from its hidden states, `[rows, L, hidden]`.

    `logits` makes `[…, vocabulary]` of `[…, hidden]`; it is asked about the tokens of responses alone, and asked again
    when gradients are computed. Equal responses are computed once.
    """
    before = hidden[foretold.before[:, 0], foretold.before[:, 1]]  # [m, hidden]
    size = max(_LOGITS // vocabulary, 1)
    chunks = zip(torch.split(before, size), torch.split(foretold.tokens, size))
    return summed(torch.cat([_recomputed(*chunk, logits) for chunk in chunks]), foretold)


def _recomputed(before: Tensor, tokens: Tensor, logits: Callable[[Tensor], Tensor]) -> Tensor:
    def log_p(before: Tensor) -> Tensor:
        return of_tokens(logits(before), tokens)

    return checkpoint(log_p, before, use_reentrant=False, preserve_rng_state=False)


def of_tokens(logits: Tensor, tokens: Tensor) -> Tensor:
    """log p of each of m tokens, of logits `[m, vocabulary]`, in single precision."""
    return -functional.cross_entropy(logits.float(), tokens, reduction="none")


def summed(log_p: Tensor, foretold: Foretold) -> LogProbabilities:
    """Those of responses, of those of their tokens, `[m]`."""
    different = int(foretold.alike.max()) + 1
    total = log_p.new_zeros(different).index_add(0, foretold.inputs, log_p)
    counts = foretold.inputs.bincount(minlength=different)
    return LogProbabilities(total[foretold.alike], counts[foretold.alike])
