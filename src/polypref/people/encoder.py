"""An encoder of what a person has said: attention over their votes gives their taste, without a gradient for them.

r_u(y) = ⟨ψ(y), θ̄ + B·z_u⟩, where z_u is read off the person's votes (d_j, p_j) by attention, whatever their number
(after VPL, arXiv 2408.10075, with one latent point in the place of a distribution). A vote is read as (2p − 1)·d beside
(1 − |2p − 1|)·|d|, so that the order of the two responses does not matter; somebody without votes gets a learned z.
Trained in episodes: of each person, a random number of votes is shown and the others are to be foretold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from polypref.errors import DataError, Undefined
from polypref.people.votes import Votes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How large the encoder is, and how it is trained."""

    latent: int = 4  # numbers that say what sets a person apart
    width: int = 64
    heads: int = 4
    episodes: int = 600
    persons: int = 32  # of an episode
    shown: int = 32  # votes of a person that are read at most
    rate: float = 3e-3
    decay: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("latent", "width", "heads", "episodes", "persons", "shown"):
            if getattr(self, name) < 1:
                raise DataError(f"expected at least 1, got {getattr(self, name)}", field=name)
        if self.width % self.heads:
            raise DataError(f"a width of {self.width} cannot be dealt to {self.heads} heads", field="width")


class PersonEncoder(nn.Module):
    """From the votes of persons to their tastes."""

    def __init__(self, features: int, settings: EncoderSettings) -> None:
        super().__init__()
        width = settings.width
        self.settings = settings
        self.read = nn.Sequential(nn.Linear(2 * features, width), nn.GELU(), nn.Linear(width, width))
        self.nobody = nn.Parameter(torch.zeros(width))  # always there to be attended to: all that is read of silence
        self.query = nn.Parameter(torch.randn(settings.heads, width // settings.heads))
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.count = nn.Linear(1, width)  # how much was said, which a weighted mean forgets
        self.latent = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, settings.latent))
        self.crowd = nn.Parameter(torch.zeros(features))
        self.directions = nn.Parameter(torch.randn(features, settings.latent) / features**0.5)

    def forward(self, difference: Tensor, share: Tensor, there: Tensor) -> Tensor:
        """Tastes [persons, f] from differences [persons, m, f], shares [persons, m] and which votes are there."""
        side = (2 * share - 1)[..., None]
        said = self.read(torch.cat([side * difference, (1 - side.abs()) * difference.abs()], dim=-1))
        people, _, width = said.shape
        said = torch.cat([self.nobody.expand(people, 1, width), said], dim=1)
        there = torch.cat([there.new_ones(people, 1), there], dim=1)
        heads = self.settings.heads
        keys = self.keys(said).view(people, -1, heads, width // heads)
        values = self.values(said).view(people, -1, heads, width // heads)
        match = torch.einsum("pmhk,hk->pmh", keys, self.query) / (width // heads) ** 0.5
        weights = match.masked_fill(~there[..., None], float("-inf")).softmax(dim=1)
        pooled = torch.einsum("pmh,pmhk->phk", weights, values).reshape(people, width)
        amount = torch.log1p(there.sum(dim=1, keepdim=True).to(pooled.dtype) - 1)
        z: Tensor = self.latent(pooled + self.count(amount))
        return self.crowd + z @ self.directions.T

    @torch.no_grad()
    def meet(self, votes: Votes) -> Floats:
        """Anybody's taste [people, f] from their votes, the last ones where there are more than are read."""
        starts = votes.starts
        tastes = []
        for at in range(0, votes.people, 256):
            rows = [np.arange(max(a, b - self.settings.shown), b) for a, b in zip(starts[at:-1], starts[at + 1 :])][
                :256
            ]
            tastes.append(self(*_padded(votes, rows)))
        return torch.cat(tastes).double().numpy()

    def preferences(self, votes: Votes, tastes: Floats) -> Floats:
        """P(first ≻ second) of the pairs voted on [n], as voters with these tastes [people, f] see them."""
        said = np.empty(len(votes))
        for rows in votes.chunks():
            said[rows] = (votes.difference(rows) * tastes[votes.person[rows]]).sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-said)), dtype=np.float64)


def train_encoder(votes: Votes, settings: EncoderSettings | None = None) -> PersonEncoder:
    """Train an encoder on persons with two votes or more; the same settings give the same encoder."""
    settings = settings or EncoderSettings()
    starts = votes.starts
    several = np.flatnonzero(np.diff(starts) >= 2)
    if not len(several):
        raise Undefined("an encoder of persons needs persons with two votes or more")
    rng = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        encoder = PersonEncoder(votes.states.shape[1], settings)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.episodes)
    for _ in range(settings.episodes):
        who = rng.choice(several, size=min(settings.persons, len(several)), replace=False)
        shown, asked = zip(*(_episode(rng, starts[u], starts[u + 1], settings.shown) for u in who))
        tastes = encoder(*_padded(votes, shown))
        difference, share, there = _padded(votes, asked)
        score = (difference * tastes[:, None]).sum(dim=-1)
        losses = nn.functional.binary_cross_entropy_with_logits(score, share, reduction="none")
        loss = losses[there].mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return encoder.eval()


def _episode(rng: np.random.Generator, start: int, stop: int, most: int) -> tuple[Ints, Ints]:
    """Some of a person's votes to show, from none up to all but one and as likely few as many, and others to ask."""
    order = rng.permutation(np.arange(start, stop))
    limit = min(len(order) - 1, most)
    number = int(rng.integers(limit + 1)) if rng.random() < 0.5 else int((limit + 1) ** rng.random() - 1)
    return order[:number], order[number : number + most]


def _padded(votes: Votes, rows: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Differences [persons, m, f], shares [persons, m] and which votes are there [persons, m]."""
    longest = max(map(len, rows), default=0)
    at, there = np.zeros((len(rows), longest), np.int64), np.zeros((len(rows), longest), np.bool_)
    for place, own in enumerate(rows):
        at[place, : len(own)], there[place, : len(own)] = own, True
    difference = votes.states[votes.first[at]] - votes.states[votes.second[at]]
    plain = torch.from_numpy(np.asarray(difference, dtype=np.float32))
    return plain, torch.from_numpy(votes.share[at].astype(np.float32)), torch.from_numpy(there)
