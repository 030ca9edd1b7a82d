"""General preference enrichment: groups from elsewhere mixed into training at an exact ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from polypref.groups.model import Group


@dataclass(frozen=True)
class Enrichment:
    """Groups to mix in, and which share of all groups trained on they are."""

    groups: Sequence[Group]
    share: float  # above 0, below 1


class MixingSampler(Sampler[int]):
    """Numbers of groups: `own` of them are 0, 1, …, and `mixed` the numbers after these.

    The places of the whole run are counted through, epoch after epoch. Place k has a mixed group if
    ⌊(k+1)·share⌋ > ⌊k·share⌋ (error diffusion), so that of any n places in a row ⌊n·share⌋ or ⌈n·share⌉ have one: the
    ratio is exact over the run, and in every batch but for one group. Own and mixed groups are each taken in passes,
    shuffled anew by the seed, none twice before all were taken once. An epoch has as many places as own groups and
    their share of mixed ones make; it depends on the seed and its number alone, so that a resumed run, and each of
    several processes, sees what one run would.
    """

    def __init__(self, own: int, mixed: int, share: float, seed: int) -> None:
        self.own = own
        self.mixed = mixed
        self.share = Fraction(share).limit_denominator(1_000_000)
        self.seed = seed
        self.epoch = 0
        self._length = math.ceil(own / (1 - self.share))

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, from 0."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        start = self.epoch * self._length
        before = math.floor(start * self.share)  # mixed groups in earlier epochs
        own, mixed = self._passes(0, self.own, start - before), self._passes(1, self.mixed, before)
        for place in range(start, start + self._length):
            is_mixed = math.floor((place + 1) * self.share) > math.floor(place * self.share)
            yield self.own + next(mixed) if is_mixed else next(own)

    def _passes(self, kind: int, size: int, start: int) -> Iterator[int]:
        """Numbers below `size` in shuffled passes without end, from the `start`-th on."""
        number, skipped = divmod(start, size)
        while True:
            yield from np.random.default_rng([self.seed, kind, number]).permutation(size)[skipped:].tolist()
            number, skipped = number + 1, 0


class EpochTeller(TrainerCallback):
    """Tells a sampler the epoch, which accelerate does not where several processes resume in the middle of one."""

    def __init__(self, sampler: MixingSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.sampler.set_epoch(int((state.epoch or 0) + 1e-6))
