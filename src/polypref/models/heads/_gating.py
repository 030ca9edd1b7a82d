"""The prompt gate, which heads that weigh their blocks by the prompt add to the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PromptGate(nn.Linear):
    """The prompt weighs k blocks: hidden states `[n, hidden]` → `[n, k]`, positive, averaging 1; 1 to begin with."""

    def __init__(self, hidden: int, blocks: int) -> None:
        super().__init__(hidden, blocks)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, prompts: Tensor) -> Tensor:
        weights: Tensor = torch.softmax(super().forward(prompts), dim=-1)
        return weights * self.out_features
