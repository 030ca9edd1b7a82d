"""What a model says of one group: preferences, utilities, distributions, rankings, all read off its states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref import choice
from polypref.errors import DataError, PolyprefError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from polypref.models.heads import Head

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]

RULES = (*get_args(choice.Rule), "utility")
_ROUNDING = 1e-4  # probabilities in single or half precision may miss 0, 1 or their sum by this much


class Ranking(NamedTuple):
    """The responses of a group in order, and what the rule gives each of them."""

    rule: str
    order: list[int]  # [K] indices, best first
    scores: list[float | None]  # [K] by response, not by place; None where the rule gives none


class Answer:
    """What a model says of the K responses of one group; None for what it does not say.

    `PreferenceModel.encode` makes a `StateAnswer`, which says all its head can; what another program said is a
    `Prediction`. Log-odds come before preferences, which cannot tell very sure from certain. Without either, utilities
    stand in by the Bradley–Terry model, P(i≻j) = σ(u_i − u_j).
    """

    @property
    def preferences(self) -> Numbers | None:
        """P[i, j] = P(i ≻ j), `[K, K]`."""
        return None

    @property
    def log_odds(self) -> Numbers | None:
        """log P(i ≻ j) / P(j ≻ i), `[K, K]`."""
        return None

    @property
    def utilities(self) -> Numbers | None:
        """One number per response, `[K]`, higher is better."""
        return None

    @property
    def distributions(self) -> Numbers | None:
        """The crowd's opinion of each response over the labels, `[K, d]`."""
        return None

    @property
    def labels(self) -> tuple[float, ...] | None:
        """The values of the labels, `[d]`; those of the group's scale, if None."""
        return None

    def margins(self, k: int) -> Floats | None:
        """(P[i, j] − P[j, i]) / 2 in [K, K]: P(i ≻ j) − ½, made skew-symmetric where a model is inconsistent."""
        sure = self.sureness(k)
        if sure is not None:
            return np.tanh(sure / 2) / 2  # σ(x) − ½
        if self.preferences is not None:
            p = _array("preferences", self.preferences, (k, k))
            if k and (p.min() < -_ROUNDING or p.max() > 1 + _ROUNDING):
                raise DataError(f"preferences from {p.min():.4g} to {p.max():.4g}, expected probabilities from 0 to 1")
            return (p - p.T) / 2
        return None

    def sureness(self, k: int) -> Floats | None:
        """Log-odds [K, K], skew-symmetric, however large; None where only probabilities are known, or nothing."""
        if self.log_odds is not None:
            x = _array("log-odds", self.log_odds, (k, k))
            return (x - x.T) / 2
        if self.preferences is None and self.utilities is not None:
            u = _array("utilities", self.utilities, (k,))
            return u[:, None] - u
        return None

    def scores(self, k: int) -> Floats | None:
        """One number per response [K], higher is better: the utilities, or the mean margin over the other responses."""
        if self.utilities is not None:
            return _array("utilities", self.utilities, (k,))
        margins = self.margins(k)
        return None if margins is None else margins.sum(axis=1) / max(k - 1, 1)

    def checked_distributions(self, k: int, scale: tuple[float | str, ...]) -> tuple[Floats, tuple[float, ...]] | None:
        """The distributions [K, d] and the values of their labels [d]."""
        if self.distributions is None:
            return None
        values = self.labels
        if values is None:
            values = tuple(float(label) for label in scale if not isinstance(label, str))
            if len(values) != len(scale) or not values:
                raise DataError(
                    "distributions without label values, for a group without a scale of numbers: give labels"
                )
        if len(set(values)) != len(values) or not all(map(math.isfinite, values)):
            raise DataError(f"the labels {list(values)}, expected different finite numbers")
        p = _array("distributions", self.distributions, (k, len(values)))
        if (p < -_ROUNDING).any() or (np.abs(p.sum(axis=1) - 1) > _ROUNDING * len(values)).any():
            raise DataError("distributions that are none, expected probabilities that add up to 1 in each row")
        p = np.maximum(p, 0.0)
        return p / p.sum(axis=1, keepdims=True), values


@dataclass(frozen=True, eq=False)
class StateAnswer(Answer):
    """The states of one group and the head that reads them; everything is worked out when it is first asked for.

    Heads read in double precision: differences of single-precision products would keep only a few of their digits.
    """

    head: Head
    rows: Tensor  # [rows, state_width], single precision; a row is a response, or an ordered pair (joint)
    size: int  # K
    cut: int = 0  # tokens left out of the inputs
    domain: str | None = None  # whose model read them, where domains have models of their own
    temperature: float = 1.0  # what log-odds are divided by, so that preferences mean what they say

    @cached_property
    def states(self) -> Floats:
        """The logits that vanilla transformers computes, `[K, width]`."""
        refuse_joint(self.head, "states")
        return self._exact[:, : self.head.width].numpy()

    @cached_property
    def log_odds(self) -> Floats:
        """log P(i ≻ j) / P(j ≻ i), `[K, K]`: how sure a model is, also where a probability would round to 1."""
        if not self.head.joint:
            return self.head.all_log_odds(self._exact).numpy() / self.temperature
        rows = self._exact.new_zeros(self.size, self.size, self.head.width)
        pairs = ordered_pairs(self.size)
        if pairs:
            i, j = np.array(pairs).T
            rows[i, j] = self._exact
        log_odds = self.head.log_odds(rows, rows.transpose(0, 1)).numpy()  # antisymmetric: read in both orders
        return log_odds / self.temperature

    @cached_property
    def preferences(self) -> Floats:
        """P[i, j] = P(i ≻ j), `[K, K]`: P + Pᵀ = 1, ½ on the diagonal."""
        return expit(self.log_odds)

    @cached_property
    def utilities(self) -> Floats:
        """One number per response, `[K]`, higher is better; for heads without a utility, mean log-odds in the group."""
        if not self.head.joint:
            return self.head.utilities(self._exact).numpy()
        return self.log_odds.sum(axis=1) / max(self.size - 1, 1)

    @cached_property
    def distributions(self) -> Floats | None:
        """The crowd's opinion of each response over the labels, `[K, d]`; None for heads that predict none."""
        return None if self.labels is None else self.opinions()

    @cached_property
    def spread(self) -> Floats:
        """How far the utility of each response differs between people, `[K]`; heads that do not know refuse."""
        refuse_joint(self.head, "spread")
        return self.head.spread(self._exact).numpy()

    def utilities_of(self, tastes: Floats) -> Floats:
        """The utilities as persons with these tastes `[n, tastes]` have them, less those of the first response.

        `[n, K]`; heads that know of no persons refuse.
        """
        exact = self._exact
        read = exact.new_tensor(tastes)[:, None]  # [n, 1, tastes]
        return self.head.personal_log_odds(exact, exact[:1], read).numpy()

    @cached_property
    def blocks(self) -> tuple[Floats, Floats]:
        """How much the prompt weighs each block of the head, `[blocks]`, and the log-odds of each, `[blocks, K, K]`."""
        refuse_joint(self.head, "blocks")
        weights, parts = self.head.blocks(self._exact)
        return weights.numpy(), parts.numpy() / self.temperature

    @property
    def labels(self) -> tuple[float, ...] | None:
        """The values of the labels over which the head predicts the crowd's opinion, `[d]`; None for other heads."""
        return self.head.labels

    @property
    def best(self) -> int:
        """The index of the preferred response: the first of `rank()`."""
        return self.rank()[0]

    def __repr__(self) -> str:
        return f"StateAnswer(best={self.best}, utilities={self.utilities.round(3).tolist()})"

    def opinions(self) -> Floats:
        """The distributions, `[K, d]`; other heads refuse."""
        refuse_joint(self.head, "distributions")
        return self.head.distributions(self._exact).numpy()

    def rank(self, rule: str = "borda") -> list[int]:
        """Indices of the responses, best first, under `borda`, `copeland`, `kemeny`, `lottery` or `utility`."""
        return self.ranking(rule).order

    def ranking(self, rule: str = "borda") -> Ranking:
        """The order under a rule, and the numbers behind it.

        They are mean win rates (`borda`), shares of opponents beaten (`copeland`), probabilities of the maximal
        `lottery`, utilities (`utility`), and for `kemeny`, which gives none, each response's P against the next.
        """
        if rule == "utility":
            order = np.argsort(-self.utilities, kind="stable").tolist()
            return Ranking(rule, order, self.utilities.tolist())
        if rule not in RULES:
            raise PolyprefError(unknown("rule", rule, RULES))
        P = self.preferences
        if rule == "lottery":
            return _lottery(P)
        order = choice.rank(P, cast(choice.Rule, rule)).tolist()
        if self.size == 1:
            return Ranking(rule, order, [None])  # one response alone has no opponents
        if rule == "kemeny":
            beats = {i: float(P[i, j]) for i, j in pairwise(order)}
            return Ranking(rule, order, [beats.get(i) for i in range(self.size)])
        scores = choice.borda_scores(P) if rule == "borda" else choice.copeland_scores(P)
        return Ranking(rule, order, scores.tolist())

    @cached_property
    def _exact(self) -> Tensor:
        return self.rows.detach().cpu().double()  # in this order: not every device has double precision


@dataclass
class Cut:
    """What was left out of inputs that were too long, counted over answers."""

    groups: int = 0
    tokens: int = 0

    def count(self, answer: StateAnswer) -> None:
        """One more answer."""
        self.groups += answer.cut > 0
        self.tokens += answer.cut


def ordered_pairs(size: int) -> list[tuple[int, int]]:
    """(i, j) for all i ≠ j, row by row: what the rows of a joint head are."""
    return [(i, j) for i in range(size) for j in range(size) if i != j]


def refuse_joint(head: Head, what: str) -> None:
    """One sentence where a head that reads two responses together is asked for what each has alone."""
    if head.joint:
        raise PolyprefError(
            f"a {head.name} head has no {what} of single responses, for it reads two together; "
            "use preferences, or train one of the other heads"
        )


def _lottery(P: Floats) -> Ranking:
    """The order that `choice.rank` gives and the probabilities behind it, of one and the same lottery."""
    by_borda = choice.rank(P, "borda")  # ties go by Borda
    odds = choice.maximal_lottery(P[np.ix_(by_borda, by_borda)])
    order = by_borda[np.argsort(-odds.round(9), kind="stable")]
    return Ranking("lottery", order.tolist(), odds[np.argsort(by_borda)].tolist())


def _array(name: str, values: Numbers, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise DataError(f"{name} of shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise DataError(
            f"{name} with NaN or infinity, expected numbers: look for a diverged training or a faulty input"
        )
    return array
