"""What named people said of which surface features: all votes of some persons, rather than some votes of all."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from polypref.errors import Undefined
from polypref.groups.model import Group
from polypref.inspection.surface import surface_features
from polypref.statistics.telling_apart import ToldApart, gain_of_telling_apart

Floats = npt.NDArray[np.float64]

_MOST = 40_000  # votes; with more, half of the persons are left out, and so on
_WHOLE = 2**64


class _Vote(NamedTuple):
    name: str
    prompt: int
    share: float
    weight: float
    difference: Floats


class Voices:
    """The votes of persons drawn by their names, so that the order of the data does not matter."""

    def __init__(self) -> None:
        self._limit = _WHOLE
        self._drawn: dict[str, int] = {}
        self._votes: list[_Vote] = []

    def add(self, group: Group, prompt: int, features: dict[int, Floats]) -> None:
        """The votes of one group; `features` holds those of responses that were read already."""
        for c in group.comparisons:
            if c.annotator is None or self._draw(c.annotator) >= self._limit:
                continue
            for k in (c.i, c.j):
                if k not in features:
                    features[k] = surface_features(group, k)
            self._votes.append(_Vote(c.annotator, prompt, c.p, c.weight, features[c.i] - features[c.j]))
        while len(self._votes) > _MOST and len({vote.name for vote in self._votes}) > 1:
            self._limit //= 2
            self._votes = [vote for vote in self._votes if self._drawn[vote.name] < self._limit]

    def told_apart(self, seed: int) -> ToldApart:
        """What a taste for each foretells beyond one for all."""
        if not self._votes:
            raise Undefined("nobody is named in the comparisons")
        names, prompts, shares, weights, differences = zip(*self._votes, strict=True)
        _, person = np.unique(np.array(names), return_inverse=True)
        return gain_of_telling_apart(
            np.array(differences),
            np.array(shares, np.float64),
            person.astype(np.int64),
            np.array(prompts, np.int64),
            weight=np.array(weights, np.float64),
            seed=seed,
        )

    def _draw(self, name: str) -> int:
        drawn = self._drawn.get(name)
        if drawn is None:
            digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            drawn = self._drawn[name] = int.from_bytes(digest, "little")
        return drawn
