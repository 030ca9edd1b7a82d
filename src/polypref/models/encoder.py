"""The encode-once engine: from inputs to states, each computed once, prompts shared where they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polypref.models.backbones import reads_last_token, state_layer
from polypref.models.embedded import BackboneError
from polypref.models.heads import Head
from polypref.models.imitation import LanguageHead
from polypref.models.inputs import Input
from polypref.models.pack_reader import PackReader
from polypref.models.packing import Pack, PackEncoder
from polypref.models.tastes import Tastes

DEFAULT_BUDGET = 4096  # tokens per forward pass when nothing has to be kept for gradients


class StateEncoder(PackReader, PackEncoder[Input, Pack]):
    """A sequence classifier and what the head adds to it, if anything; computes the states of packed inputs."""

    def __init__(self, classifier: Any, head: Head, pad: int | None, segments: bool) -> None:
        super().__init__(pad, segments)
        self.classifier = classifier
        self.reads_last_token = reads_last_token(classifier)
        if head.added and not self.reads_last_token:
            raise BackboneError(f"{head.added} reads the prompt's last token, which only decoder backbones have")
        hidden = self.state_layer.in_features  # OPT-350m projects its hidden states
        self.added = head.added  # in words
        self.extra = head.extra(hidden)  # the prompt's last hidden state → further columns of the state
        if self.extra is not None:
            self.extra.to(classifier.device, classifier.dtype)
        self.language_head: LanguageHead | None = None  # for training with imitation
        self.tastes: Tastes | None = None  # of persons, while they are learned

    @property
    def _no_split_modules(self) -> list[str]:
        """The classes of layers that accelerate keeps whole when it spreads the weights over processes (FSDP)."""
        here = {type(part).__name__ for part in self.modules()}
        return sorted(here & set(self.classifier._no_split_modules or ()))

    @property
    def model(self) -> Any:
        return self.classifier

    @property
    def may_share(self) -> bool:
        return self.reads_last_token

    def trial(self, pack: Pack) -> Tensor:
        return self(pack)

    @property
    def state_layer(self) -> nn.Linear:
        """The last linear layer of the classifier, which makes states of features."""
        return state_layer(self.classifier)

    def new_parameters(self) -> list[nn.Parameter]:
        """Those that were not pretrained: of the state layer and of what the head adds."""
        return [*self.state_layer.parameters(), *(self.extra.parameters() if self.extra is not None else ())]

    def forward(self, pack: Pack) -> Tensor:
        """States of the pack's inputs, `[n, state_width]`.

        Where responses are foretold, one more column: how badly each of these is foretold, 0 for the others.
        """
        if not self.reads_last_token:
            if pack.foretold is not None:
                raise BackboneError(
                    f"{type(self.classifier).__name__} cannot be trained to imitate; leave imitation out"
                )
            return self.classified(pack)
        hidden = self.hidden(pack)
        states = self.classifier.score(hidden[pack.ends[:, 0], pack.ends[:, 1]])
        if self.extra is not None:
            states = torch.cat([states, self.extra(hidden[pack.prompts[:, 0], pack.prompts[:, 1]])], dim=-1)
        if pack.foretold is None:
            return states
        assert self.language_head is not None
        embeddings = self.classifier.get_input_embeddings().weight
        losses = self.language_head(hidden, pack.foretold, embeddings)
        return torch.cat([states.to(losses), losses[:, None]], dim=-1)

    def classified(self, pack: Pack) -> Tensor:
        """The logits of the classifier as transformers made it, `[n, width]`."""
        return self.classifier(**self.rows(pack)).logits[pack.ends[:, 0]]

    def features(self, pack: Pack) -> Tensor:
        """What the state layer reads, `[n, hidden]`; it does not depend on the head."""
        if self.reads_last_token:
            return self.hidden(pack)[pack.ends[:, 0], pack.ends[:, 1]]
        return self._watched(pack, lambda: self.classifier(**self.rows(pack)))[0]

    def features_and_states(self, pack: Pack) -> Tensor:
        """Both side by side, `[n, hidden + state_width]`, from one pass."""
        return torch.cat(self._watched(pack, lambda: self(pack)), dim=-1)

    def _watched(self, pack: Pack, run: Callable[[], Any]) -> tuple[Tensor, Any]:
        """What the state layer reads while something runs, `[n, hidden]`, and what that returns."""
        seen: list[Tensor] = []
        hook = self.state_layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
        try:
            made = run()
        finally:
            hook.remove()
        if len(seen) != 1 or seen[0].ndim != 2:
            raise BackboneError(
                f"{type(self.classifier).__name__} pools what its last layer makes of every token, so there are no "
                "features of a response to read; use its states, and train it without --frozen"
            )
        return (seen[0] if self.reads_last_token else seen[0][pack.ends[:, 0]]), made

    @torch.no_grad()
    def states(self, groups: Sequence[Sequence[Input]], budget: int = DEFAULT_BUDGET) -> list[Tensor]:
        """The states of each group's inputs, `[K, state_width]` in single precision."""
        return self._gathered(groups, budget, self)

    @torch.no_grad()
    def all_features(self, groups: Sequence[Sequence[Input]], budget: int = DEFAULT_BUDGET) -> list[Tensor]:
        """The features of each group's inputs, `[K, hidden]` in single precision."""
        return self._gathered(groups, budget, self.features)

    @torch.no_grad()
    def all_features_and_states(
        self, groups: Sequence[Sequence[Input]], budget: int = DEFAULT_BUDGET
    ) -> list[tuple[Tensor, Tensor]]:
        """Features `[K, hidden]` and states `[K, state_width]` of each group's inputs, from one pass."""
        hidden = self.state_layer.in_features
        return [
            (both[:, :hidden], both[:, hidden:]) for both in self._gathered(groups, budget, self.features_and_states)
        ]

    def _gathered(
        self, groups: Sequence[Sequence[Input]], budget: int, compute: Callable[[Pack], Tensor]
    ) -> list[Tensor]:
        rows: dict[int, Tensor] = {}
        for pack in self.packs(groups, budget):
            rows.update(zip(pack.members, compute(pack).float().unbind()))
        flat = iter(range(len(rows)))
        gathered = [[rows[next(flat)] for _ in inputs] for inputs in groups]
        return [torch.stack(part) if part else torch.zeros(0, 0, device=self.device) for part in gathered]
