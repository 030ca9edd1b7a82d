"""Tastes while they are learned: free parameters of each person, beside the encoder that is trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from polypref.models.heads import Head

_DRAWN = 0.5  # deviation of the first parameters: equal persons would keep equal prototypes


class Tastes(nn.Module):
    """One row of parameters per person, of which the head makes a taste."""

    def __init__(self, persons: int, width: int, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(persons, width, generator=torch.Generator().manual_seed(seed))
        self.free = nn.Parameter(_DRAWN * drawn)  # [persons, tastes]

    def of(self, head: Head, person: Tensor) -> Tensor:
        """The tastes of persons by number; −1 is the mean of all: `[n]` → `[n, tastes]`."""
        tastes = head.read_tastes(self.free)
        return torch.cat([tastes, tastes.mean(0, keepdim=True)])[person.to(tastes.device)]

    @torch.no_grad()
    def mean(self, head: Head) -> tuple[float, ...]:
        """The population's."""
        return tuple(head.read_tastes(self.free).double().mean(0).tolist())
