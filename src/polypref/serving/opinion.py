"""What people think now: each vote moves the posterior of its response and of its pair at once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.crowd import Beta, Dirichlet, detect_drift
from polypref.errors import DataError, Undefined
from polypref.groups.model import Comparison, Group, Label, Rating
from polypref.serving.store import Store, Stored

Floats = npt.NDArray[np.float64]

FALSE_ALARM = 0.05  # how probably the alarm of an item is ever raised while its crowd stays as it is, at most
_FIRST_CHECK = 32  # votes; then at every doubling
_SHUFFLES = 4  # per unit of 1 / rate: enough for an exact test to be worth its shuffles


@dataclass(frozen=True)
class Prior:
    """A model's opinion of an item, and how many votes it is worth."""

    preferences: Floats | None = None  # [K, K]
    distributions: Floats | None = None  # [K, d], over the scale of the item
    strength: float = 2.0

    def __post_init__(self) -> None:
        if not self.strength > 0:
            raise DataError(f"expected a positive number of votes, got {self.strength}", field="strength")


@dataclass
class DriftAlarm:
    """Watches the comparisons of one item, and tells once that they have changed.

    The votes are tested when there are 32, 64, 128 … of them. The k-th test, which is exact, may raise the alarm by
    chance with probability 6α/(π²k²), so that over all tests there ever are it is raised wrongly with probability α at
    most.
    """

    rate: float = FALSE_ALARM
    since: float | None = None  # when opinion changed, once that is known
    _time: list[float] = field(default_factory=list)
    _pair: list[int] = field(default_factory=list)
    _share: list[float] = field(default_factory=list)
    _weight: list[float] = field(default_factory=list)
    _checks: int = 0

    def add(self, pair: int, share: float, weight: float, time: float) -> None:
        """One more comparison of a pair (numbered), of which a share went to its first response."""
        self._time.append(time)
        self._pair.append(pair)
        self._share.append(share)
        self._weight.append(weight)
        if self.since is None and len(self._time) >= _FIRST_CHECK << self._checks:
            self._check()

    def _check(self) -> None:
        self._checks += 1
        allowed = 6 * self.rate / (math.pi * self._checks) ** 2
        try:
            found = detect_drift(
                self._time,
                self._pair,
                self._share,
                self._weight,
                false_alarm=allowed,
                permutations=math.ceil(_SHUFFLES / allowed),
                seed=self._checks,
            )
        except Undefined:
            return
        self.since = found.time


class Opinion:
    """What people think of one item: posteriors of its responses over the scale, and of its pairs."""

    def __init__(
        self, group: Group, prior: Prior | None = None, forgetting: float = 1.0, false_alarm: float = FALSE_ALARM
    ) -> None:
        if not 0 < forgetting <= 1:
            raise DataError(f"expected a factor above 0 and at most 1, got {forgetting}", field="forgetting")
        self.size, self.scale = len(group), group.scale
        self.prior, self.forgetting = prior or Prior(), forgetting
        self.wins = np.zeros((self.size, self.size))  # [K, K], votes for i against j
        self.ratings = np.zeros((self.size, len(self.scale)))  # [K, d]
        self.alarm = DriftAlarm(false_alarm)
        self.votes = 0
        self._labels: Mapping[Label, int] = {label: at for at, label in enumerate(self.scale)}

    def add(self, judgments: Iterable[Comparison | Rating]) -> None:
        """What one vote says."""
        self.votes += 1
        for judgment in judgments:
            if isinstance(judgment, Comparison):
                self._compare(judgment)
            elif judgment.label in self._labels:
                row = self.ratings[judgment.i]
                row *= self.forgetting
                row[self._labels[judgment.label]] += judgment.weight

    def _compare(self, judged: Comparison) -> None:
        i, j, w = judged.i, judged.j, judged.weight
        f = self.forgetting
        self.wins[i, j] = f * self.wins[i, j] + w * judged.p
        self.wins[j, i] = f * self.wins[j, i] + w * (1 - judged.p)
        first, second = min(i, j), max(i, j)
        share = judged.p if i < j else 1 - judged.p
        self.alarm.add(first * self.size + second, share, w, judged.time or 0.0)

    @property
    def pairs(self) -> Beta:
        """The posterior of P(i ≻ j), `[K, K]`: a model's preference as so many votes, or one vote each way."""
        if self.prior.preferences is None:
            a = np.ones((self.size, self.size))
        else:
            a = self.prior.strength * np.clip(self.prior.preferences, 1e-6, 1 - 1e-6)
        return Beta(a, a.T, self.wins, self.wins.T)

    @property
    def preferences(self) -> Floats:
        """P[i, j]: how probably somebody of the crowd prefers i to j, `[K, K]`; ½ on the diagonal."""
        P = self.pairs.mean.copy()
        np.fill_diagonal(P, 0.5)
        return P

    @property
    def responses(self) -> Dirichlet | None:
        """The posterior of each response over the scale, `[K, d]`; None where there is no scale of two labels."""
        if len(self.scale) < 2:
            return None
        if self.prior.distributions is None:
            prior = np.ones((self.size, len(self.scale)))
        else:
            prior = self.prior.strength * np.clip(self.prior.distributions, 1e-6, None)
        return Dirichlet(prior, self.ratings)

    def told(self) -> dict[str, Any]:
        """The opinion as JSON."""
        low, high = self.pairs.interval()
        posterior = self.responses
        return {
            "votes": self.votes,
            "preferences": self.preferences.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "scale": list(self.scale),
            "distributions": None if posterior is None else posterior.mean.tolist(),
            "changed_since": self.alarm.since,
            "false_alarm_rate": self.alarm.rate,
            "of_the_model": self.prior.strength if self.prior.preferences is not None else 0.0,
        }


PriorOf = Callable[[Group], Prior]


class Opinions:
    """The opinions of all items of a store, made when they are first asked for and moved by every vote."""

    def __init__(
        self,
        store: Store,
        prior_of: PriorOf | None = None,
        *,
        forgetting: float = 1.0,
        false_alarm: float = FALSE_ALARM,
    ) -> None:
        self._store, self._prior_of = store, prior_of
        self._forgetting, self._false_alarm = forgetting, false_alarm
        self._known: dict[str, tuple[Opinion, int]] = {}  # and the last vote that it has seen
        self._lock = threading.Lock()

    def of(self, item: str) -> dict[str, Any]:
        """What people think of an item now."""
        with self._lock:
            return self._opinion(item)[0].told()

    def matrix(self, item: str) -> Floats:
        """The preference matrix of an item now, `[K, K]`."""
        with self._lock:
            return self._opinion(item)[0].preferences

    def certainty(self, item: str) -> tuple[Floats, Floats]:
        """The preference matrix of an item now, and the votes (a model's among them) behind each number: `[K, K]`."""
        with self._lock:
            opinion = self._opinion(item)[0]
            posterior = opinion.pairs
            return opinion.preferences, posterior.a + posterior.b

    def moved_by(self, stored: Stored) -> dict[str, Any]:
        """What people think of an item after a vote that the store has just kept."""
        item = stored.vote.item
        with self._lock:
            if stored.vote.replaces is not None:
                self._known.pop(item, None)
            opinion, last = self._opinion(item)
            if stored.id > last:
                opinion.add(stored.vote.judgments())
                self._known[item] = opinion, stored.id
            return opinion.told()

    def begin_anew(self) -> None:
        """Read everything from the store again: when a person was forgotten, or the model is another one."""
        with self._lock:
            self._known.clear()

    def _opinion(self, item: str) -> tuple[Opinion, int]:
        if item not in self._known:
            group = self._store.item(item)
            prior = None if self._prior_of is None else self._prior_of(group)
            opinion, last = Opinion(group, prior, self._forgetting, self._false_alarm), 0
            for stored in self._store.current(item):
                opinion.add(stored.vote.judgments())
                last = stored.id
            self._known[item] = opinion, last
        return self._known[item]
