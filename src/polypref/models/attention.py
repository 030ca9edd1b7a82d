"""Attention over trees: prompts with several responses, laid end to end in one row, none seeing its siblings.

The row holds no padding and no mask spans it: every piece attends to just what its own sequence would show it, so the
result is that of one sequence at a time and the cost is linear in the number of responses. transformers calls it
through its public registry of attention functions; the model's code is untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from polypref.errors import PolyprefError

LOOP, FLEX = "polypref_tree", "polypref_tree_flex"  # the names under which transformers knows the two ways


class UnsupportedAttention(PolyprefError):
    """The architecture asks for something that tree attention does not do; its sequences go one by one."""


@dataclass(frozen=True)
class Branching:
    """Lengths of one tree in the row: a shared prefix (maybe empty) and the branches that follow it."""

    prefix: int
    branches: tuple[int, ...]

    @property
    def pieces(self) -> tuple[int, ...]:
        return (self.prefix, *self.branches) if self.prefix else self.branches


@dataclass(frozen=True)
class Row:
    """How one row of T tokens divides into trees."""

    trees: tuple[Branching, ...]
    device: torch.device

    @cached_property
    def pieces(self) -> list[int]:
        return [piece for tree in self.trees for piece in tree.pieces]

    @cached_property
    def attended(self) -> set[int]:
        """The modules, by their id, that attended to this row."""
        return set()

    @cached_property
    def _masks(self) -> dict[tuple[int, int, int | None], Tensor]:
        return {}

    def mask(self, prefix: int, branch: int, window: int | None) -> Tensor:
        """Which of `prefix + branch` keys each of the branch's queries sees: `[branch, prefix + branch]`, made once."""
        key = (prefix, branch, window)
        if key not in self._masks:
            seen = torch.ones(branch, prefix + branch, dtype=torch.bool, device=self.device).tril(prefix)
            self._masks[key] = seen if window is None else seen.triu(prefix - window + 1)
        return self._masks[key]

    @cached_property
    def _labels(self) -> tuple[Tensor, Tensor, Tensor]:
        """For each token `[T]`: its tree, its branch (0 in a prefix, unique otherwise) and its position."""
        trees: list[int] = []
        branches: list[int] = []
        positions: list[int] = []
        branch = 0
        for index, tree in enumerate(self.trees):
            if tree.prefix:
                branches += [0] * tree.prefix
                positions += range(tree.prefix)
            for length in tree.branches:
                branch += 1
                branches += [branch] * length
                positions += range(tree.prefix, tree.prefix + length)
            trees += [index] * (tree.prefix + sum(tree.branches))
        at = torch.tensor([trees, branches, positions], device=self.device)
        return at[0], at[1], at[2]

    @cached_property
    def _block_masks(self) -> dict[int | None, Any]:
        return {}

    def block_mask(self, window: int | None) -> Any:
        """The same visibility as a FlexAttention block mask over the whole row."""
        if window not in self._block_masks:
            from torch.nn.attention.flex_attention import create_block_mask

            tree, branch, position = self._labels

            def sees(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
                visible = (query >= key) & (tree[query] == tree[key])
                visible &= (branch[key] == 0) | (branch[key] == branch[query])
                return visible if window is None else visible & (position[query] - position[key] < window)

            length = len(tree)
            self._block_masks[window] = create_block_mask(sees, None, None, length, length, device=self.device)
        return self._block_masks[window]


def by_pieces(
    module: nn.Module,
    query: Tensor,  # [1, heads, T, head_dim]
    key: Tensor,  # [1, key heads, T, head_dim]
    value: Tensor,
    attention_mask: Tensor | None,  # see _mask_window
    dropout: float = 0.0,
    scaling: float | None = None,
    tree: Row | None = None,
    sliding_window: int | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """One small scaled-dot-product attention per piece, on any device."""
    row = _checked(module, tree, attention_mask, sliding_window, settings)
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1:
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    # split, not slices: its gradient is one concatenation, while each slice's would be as long as the row
    pieces = zip(*(torch.split(part, row.pieces, dim=2) for part in (query, key, value)))
    outputs = []
    for branching in row.trees:
        if branching.prefix:
            q, prefix_k, prefix_v = next(pieces)
            outputs.append(_causal(row, q, prefix_k, prefix_v, dropout, scaling, sliding_window))
        for _ in branching.branches:
            q, k, v = next(pieces)
            if branching.prefix:
                k, v = torch.cat([prefix_k, k], dim=2), torch.cat([prefix_v, v], dim=2)
            outputs.append(_causal(row, q, k, v, dropout, scaling, sliding_window))
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


def _causal(
    row: Row, q: Tensor, k: Tensor, v: Tensor, dropout: float, scaling: float | None, window: int | None
) -> Tensor:
    prefix = k.shape[2] - q.shape[2]
    if not prefix and (window is None or window >= k.shape[2]):
        return scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling, is_causal=True)
    mask = row.mask(prefix, q.shape[2], window)
    return scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, scale=scaling)


@cache
def _compiled_flex() -> Any:
    """FlexAttention as one kernel for any length of row."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True)


def by_flex(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # see _mask_window
    dropout: float = 0.0,
    scaling: float | None = None,
    tree: Row | None = None,
    sliding_window: int | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """One FlexAttention call over the row; compiled on a GPU, where it skips the blocks nobody sees.

    On the CPU it has no gradients, which the same attention by pieces has.
    """
    if query.requires_grad and query.device.type == "cpu":
        return by_pieces(module, query, key, value, attention_mask, dropout, scaling, tree, sliding_window, **settings)
    from torch.nn.attention.flex_attention import flex_attention

    row = _checked(module, tree, attention_mask, sliding_window, settings)
    if dropout:
        raise UnsupportedAttention("FlexAttention has no dropout; set the model's attention dropout to 0")
    attend = _compiled_flex() if query.is_cuda else flex_attention
    block_mask = row.block_mask(sliding_window)
    grouped = query.shape[1] != key.shape[1]
    output = attend(query, key, value, block_mask=block_mask, scale=scaling, enable_gqa=grouped)
    return output.transpose(1, 2).contiguous(), None


_IGNORED = {"position_ids", "output_attentions", "output_hidden_states", "use_cache", "is_causal", "cache_position"}


def _checked(
    module: nn.Module, row: Row | None, mask_window: Tensor | None, window: int | None, settings: dict[str, Any]
) -> Row:
    if row is None:
        raise UnsupportedAttention(f"{type(module).__name__} does not pass on what tree attention needs")
    if mask_window is not None and mask_window.numel() != 1:
        raise UnsupportedAttention(f"{type(module).__name__} masks in a way of its own")
    if window != (None if mask_window is None else int(mask_window)):
        raise UnsupportedAttention(f"{type(module).__name__} passes the window {window}, its mask has {mask_window}")
    for name, value in settings.items():
        if value is not None and name not in _IGNORED:
            raise UnsupportedAttention(f"{type(module).__name__} sets {name}, which tree attention does not know")
    row.attended.add(id(module))
    return row


def _mask_window(*_args: Any, local_size: int | None = None, use_vmap: bool = False, **_settings: Any) -> Tensor | None:
    """The window of the mask that the model wants, instead of the mask, for tree attention knows what sees what."""
    if use_vmap:
        raise UnsupportedAttention("the model adds to the causal mask what tree attention does not know")
    return None if local_size is None else torch.tensor(local_size)


for _name, _function in ((LOOP, by_pieces), (FLEX, by_flex)):
    AttentionInterface.register(_name, _function)
    AttentionMaskInterface.register(_name, _mask_window)
