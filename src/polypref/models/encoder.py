"""The encode-once engine: from inputs to states, each computed once, prompts shared where they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from polypref.models.backbones import reads_last_token, state_layer
from polypref.models.embedded import BackboneError
from polypref.models.heads import Head
from polypref.models.imitation import LanguageHead
from polypref.models.inputs import Input
from polypref.models.packing import (
    Pack,
    PackEncoder,
    distinct,
    fill_by_tokens,
    fill_padded,
    pack_rows,
    pack_trees,
    trees_of,
    with_copies,
)

DEFAULT_BUDGET = 4096  # tokens per forward pass when nothing has to be kept for gradients


class StateEncoder(PackEncoder[Input, Pack]):
    """A sequence classifier and what the head adds to it, if anything; computes the states of packed inputs."""

    def __init__(self, classifier: Any, head: Head, pad: int | None, segments: bool) -> None:
        super().__init__()
        self.classifier = classifier
        self.reads_last_token = reads_last_token(classifier)
        self.reads_alone = False  # whether the classifier's own forward reads one input at a time, see reading.py
        if head.added and not self.reads_last_token:
            raise BackboneError(f"{head.added} reads the prompt's last token, which only decoder backbones have")
        hidden = self.state_layer.in_features  # OPT-350m projects its hidden states
        self.added = head.added  # in words
        self.extra = head.extra(hidden)  # the prompt's last hidden state → further columns of the state
        if self.extra is not None:
            self.extra.to(classifier.device, classifier.dtype)
        self.pad = pad  # not read at the end of a text; None: whatever stands there is
        self.segments = segments
        self.shares_prompts = False  # see sharing.py
        self.language_head: LanguageHead | None = None  # for training with imitation

    @property
    def _no_split_modules(self) -> list[str]:
        """The classes of layers that accelerate keeps whole when it spreads the weights over processes (FSDP)."""
        here = {type(part).__name__ for part in self.modules()}
        return sorted(here & set(self.classifier._no_split_modules or ()))

    @property
    def device(self) -> torch.device:
        return self.classifier.device

    @property
    def state_layer(self) -> nn.Linear:
        """The last linear layer of the classifier, which makes states of features."""
        return state_layer(self.classifier)

    def new_parameters(self) -> list[nn.Parameter]:
        """Those that were not pretrained: of the state layer and of what the head adds."""
        return [*self.state_layer.parameters(), *(self.extra.parameters() if self.extra is not None else ())]

    def forward(self, pack: Pack) -> Tensor:
        """States of the pack's inputs, `[n, state_width]`.

        Where responses are imitated, one more column: how badly each of these is foretold, 0 for the others.
        """
        if not self.reads_last_token:
            if pack.imitated is not None:
                raise BackboneError(
                    f"{type(self.classifier).__name__} cannot be trained to imitate; leave imitation out"
                )
            return self.classified(pack)
        hidden = self._hidden(pack)
        states = self.classifier.score(hidden[pack.ends[:, 0], pack.ends[:, 1]])
        if self.extra is not None:
            states = torch.cat([states, self.extra(hidden[pack.prompts[:, 0], pack.prompts[:, 1]])], dim=-1)
        if pack.imitated is None:
            return states
        assert self.language_head is not None
        embeddings = self.classifier.get_input_embeddings().weight
        losses = self.language_head(hidden, pack.imitated, len(states), embeddings)
        return torch.cat([states.to(losses), losses[:, None]], dim=-1)

    def classified(self, pack: Pack) -> Tensor:
        """The logits of the classifier as transformers made it, `[n, width]`."""
        return self.classifier(**self._rows(pack)).logits[pack.ends[:, 0]]

    def features(self, pack: Pack) -> Tensor:
        """What the state layer reads, `[n, hidden]`; it does not depend on the head."""
        if self.reads_last_token:
            return self._hidden(pack)[pack.ends[:, 0], pack.ends[:, 1]]
        return self.classified_features(pack)

    def classified_features(self, pack: Pack) -> Tensor:
        """What the state layer reads when the classifier runs as transformers made it, `[n, hidden]`: for encoders."""
        seen: list[Tensor] = []
        hook = self.state_layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
        try:
            self.classifier(**self._rows(pack))
        finally:
            hook.remove()
        if len(seen) != 1 or seen[0].ndim != 2:
            raise BackboneError(
                f"{type(self.classifier).__name__} pools what its last layer makes of every token, so there are no "
                "features to keep; train it without --frozen"
            )
        return seen[0][pack.ends[:, 0]]

    def packs(self, groups: Sequence[Sequence[Input]], budget: int) -> list[Pack]:
        copies: dict[int, list[int]] = {}
        firsts: list[list[int]] = []
        flat = [item for inputs in groups for item in inputs]
        start = 0
        for inputs in groups:
            own = {start + at: [start + copy for copy in same] for at, same in distinct(inputs).items()}
            firsts.append(list(own))
            copies |= own
            start += len(inputs)
        return [with_copies(pack, copies) for pack in self._packs_of(flat, firsts, budget)]

    def _packs_of(self, inputs: Sequence[Input], groups: Sequence[Sequence[int]], budget: int) -> list[Pack]:
        """The inputs that the groups name as packs."""
        if self.shares_prompts:
            trees = [
                part
                for members in groups
                for tree in trees_of([inputs[member] for member in members], members)
                for part in tree.split(budget)
            ]
            bins = fill_by_tokens([tree.tokens for tree in trees], budget)
            return [pack_trees([trees[at] for at in filled], self.pad, self.device) for filled in bins]
        filled = []
        for members in self._alike(inputs, [member for group in groups for member in group]):
            bins = fill_padded([len(inputs[member].tokens) for member in members], 1 if self.reads_alone else budget)
            filled += [[members[at] for at in chosen] for chosen in bins]
        return [
            pack_rows([inputs[member] for member in row], row, self.pad, self.segments, self.device) for row in filled
        ]

    def _alike(self, inputs: Sequence[Input], members: Sequence[int]) -> list[list[int]]:
        """The members that may stand in one batch: BART, T5 and their kin want as many end tokens in each row."""
        if not self.classifier.config.is_encoder_decoder:
            return [list(members)]
        end = self.classifier.config.get_text_config(decoder=True).eos_token_id
        parts: dict[int, list[int]] = {}
        for member in members:
            parts.setdefault(int(np.isin(inputs[member].tokens, end).sum()), []).append(member)
        return list(parts.values())

    def bins(self, groups: Sequence[Sequence[Input]], budget: int) -> list[list[int]]:
        firsts = [[inputs[at] for at in distinct(inputs)] for inputs in groups]
        if self.shares_prompts:
            trees = [trees_of(inputs, range(len(inputs))) for inputs in firsts]
            return fill_by_tokens([sum(tree.tokens for tree in parts) for parts in trees], budget)
        if self.reads_alone:
            return fill_by_tokens([sum(len(item.tokens) for item in inputs) for inputs in firsts], budget)
        longest = [max((len(item.tokens) for item in inputs), default=0) for inputs in firsts]
        return fill_padded(longest, budget, [len(inputs) for inputs in firsts])

    @torch.no_grad()
    def states(self, groups: Sequence[Sequence[Input]], budget: int = DEFAULT_BUDGET) -> list[Tensor]:
        """The states of each group's inputs, `[K, state_width]` in single precision."""
        return self._gathered(groups, budget, self)

    @torch.no_grad()
    def all_features(self, groups: Sequence[Sequence[Input]], budget: int = DEFAULT_BUDGET) -> list[Tensor]:
        """The features of each group's inputs, `[K, hidden]` in single precision."""
        return self._gathered(groups, budget, self.features)

    def _gathered(
        self, groups: Sequence[Sequence[Input]], budget: int, compute: Callable[[Pack], Tensor]
    ) -> list[Tensor]:
        rows: dict[int, Tensor] = {}
        for pack in self.packs(groups, budget):
            rows.update(zip(pack.members, compute(pack).float().unbind()))
        flat = iter(range(len(rows)))
        gathered = [[rows[next(flat)] for _ in inputs] for inputs in groups]
        return [torch.stack(part) if part else torch.zeros(0, 0, device=self.device) for part in gathered]

    def _hidden(self, pack: Pack) -> Tensor:
        """Last hidden states of a decoder: `[1, T, hidden]`, or `[n, L, hidden]` for padded rows."""
        if pack.row is not None:
            inputs: dict[str, Any] = {"position_ids": pack.position_ids, "tree": pack.row}
        else:
            inputs = {"attention_mask": pack.attention_mask}
        return self.classifier.base_model(input_ids=pack.input_ids, use_cache=False, **inputs).last_hidden_state

    def _rows(self, pack: Pack) -> dict[str, Any]:
        inputs = {"input_ids": pack.input_ids, "attention_mask": pack.attention_mask}
        return inputs if pack.token_type_ids is None else {**inputs, "token_type_ids": pack.token_type_ids}
