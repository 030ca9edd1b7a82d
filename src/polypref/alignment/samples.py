"""Samples of a policy with what is known of them, kept as groups of JSON lines between the phases of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.alignment.sampling import Ending, Sample
from polypref.errors import DataError
from polypref.groups.model import Group
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups

Floats = npt.NDArray[np.float64]

KEY = "samples"  # in the meta of a group


@dataclass(frozen=True, eq=False)
class Samples:
    """The K samples of one prompt."""

    group: Group  # prompt and texts, and where they come from
    tokens: tuple[tuple[int, ...], ...]  # as emitted, the end token included
    ended: tuple[Ending, ...]  # why each of them ended
    log_probs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # policy → of each sample
    log_odds: Floats | None = None  # [K, K] of the guide
    rewards: Floats | None = None  # [M, K], of each guide

    @classmethod
    def of(cls, prompt: Group, samples: Sequence[Sample], texts: Sequence[str]) -> Samples:
        """What was drawn for the prompt of a group; what people said about its responses is left out."""
        known = replace(prompt, responses=tuple(texts), comparisons=(), ratings=(), sources=(), scale=(), meta={})
        return cls(known, tuple(one.tokens for one in samples), tuple(one.ended for one in samples))

    def __len__(self) -> int:
        return len(self.tokens)

    def to_group(self) -> Group:
        """As it is written."""
        said: dict[str, Any] = {"tokens": [list(tokens) for tokens in self.tokens], "ended": list(self.ended)}
        if self.log_probs:
            said["log_probs"] = {name: list(values) for name, values in self.log_probs.items()}
        for name in ("log_odds", "rewards"):
            values = getattr(self, name)
            if values is not None:
                said[name] = values.tolist()
        return replace(self.group, meta={KEY: said})

    @classmethod
    def from_group(cls, group: Group) -> Samples:
        """As it was written; raises KeyError where it was not."""
        said = group.meta[KEY]
        arrays = {name: np.array(said[name]) for name in ("log_odds", "rewards") if name in said}
        return cls(
            replace(group, meta={}),
            tuple(map(tuple, said["tokens"])),
            tuple(said["ended"]),
            {name: tuple(values) for name, values in said.get("log_probs", {}).items()},
            **arrays,
        )


def save_samples(samples: Iterable[Samples], path: Path) -> None:
    """Write them, whole or not at all."""
    save_groups((one.to_group() for one in samples), path)


def load_samples(path: Path) -> list[Samples]:
    """Read what `save_samples` wrote."""
    return list(_read(path))


def _read(path: Path) -> Iterator[Samples]:
    for group in load_groups(str(path), format="polypref"):
        try:
            yield Samples.from_group(group)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"holds no samples of a policy ({error}): delete it to draw them again", file=path
            ) from None


def differing(samples: Sequence[Samples]) -> list[Samples]:
    """Those with at least two different texts: of equal ones nothing can be learned."""
    return [one for one in samples if len(set(one.group.responses)) > 1]
