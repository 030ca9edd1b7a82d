"""The mixture head: a few prototypes of taste, and for every person how much of each is theirs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor

    from polypref.models.heads.base import Floats

_ROUNDING = 1e-4  # weights that were written with a few digits may miss a sum of 1 by this much


@dataclass(frozen=True)
class MixtureHead(Head):
    """r_u(y) = Σ_k w_uk·r_k(y) with a person's weights w_u on the simplex, P_u(i ≻ j) = σ(r_u(i) − r_u(j)) (PAL).

    `inner` (PAL B, arXiv 2406.08469): the logits are the utilities r_k of the prototypes. `ideal` (PAL A): a response
    is the point f = logits, prototype k is the point `distance`·e_k, a person stands at a_u = Σ_k w_uk·p_k, and the
    utility is −‖f − a_u‖², which differs from Σ_k w_uk·(−‖f − p_k‖²) by what is the same for all responses. Corners of
    a simplex are enough, for the layer that makes f learns where they lie. Their distance is squared, so that a new
    person's weights are a convex fit, and the state is one per response whoever reads it.
    Without a person `weights` are the population's mean; none are equal weights.

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> head = make_head("mixture", prototypes=2)
        >>> states = torch.tensor([[2.0, -2.0], [0.0, 0.0]])  # the first prototype likes response 0, the second 1
        >>> views = [head, head.as_person((1.0, 0.0)), head.as_person((0.0, 1.0))]
        >>> print([f"{view.preferences(states)[0, 1]:.2f}" for view in views])
        ['0.50', '0.88', '0.12']
    """

    name = "mixture"
    paper = "arXiv 2406.08469"
    says = ("preferences", "scores", "utilities")
    objective = "logistic"

    prototypes: int = 4  # K
    form: Literal["inner", "ideal"] = "inner"
    distance: float = 1.0  # of an ideal prototype from the origin
    shrinkage: float = 1.0  # how many votes the population's mean is worth in the fit of a person
    weights: tuple[float, ...] = field(default=(), compare=False)  # [K] whose taste is read; of whom, is no setting

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        if self.prototypes < 1:
            raise HeadError(f"prototypes is {self.prototypes}; a mixture head needs at least one")
        if self.form not in ("inner", "ideal"):
            raise HeadError(f"form is {self.form!r}; a mixture head is inner or ideal")
        for name, value in (("distance", self.distance), ("shrinkage", self.shrinkage)):
            if not (value > 0 and math.isfinite(value)):
                raise HeadError(f"{name} is {value}; it must be a finite number above 0")
        if self.weights and not self._are_weights():
            raise HeadError(f"weights are {list(self.weights)}; give {self.prototypes} from 0 that add up to 1")

    def _are_weights(self) -> bool:
        good = len(self.weights) == self.prototypes and all(weight >= 0 for weight in self.weights)
        return good and abs(sum(self.weights) - 1) <= _ROUNDING

    @property
    def width(self) -> int:
        return self.prototypes

    @property
    def tastes(self) -> int:
        return self.prototypes

    @property
    def mean_taste(self) -> tuple[float, ...]:
        return self.weights or (1 / self.prototypes,) * self.prototypes

    @property
    def in_plain_torch(self) -> str:
        ideal = f"- states.square().sum(-1, keepdim=True) + {2 * self.distance} * "
        return f"""\
weights = torch.tensor({list(self.mean_taste)}, dtype=states.dtype)  # [K] of each prototype of taste
utility = ({ideal if self.form == "ideal" else ""}states) @ weights
preferences = (utility[:, None] - utility).sigmoid()
"""

    def as_person(self, taste: tuple[float, ...]) -> MixtureHead:
        return replace(self, weights=taste)

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        return self.personal_log_odds(a, b, a.new_tensor(self.mean_taste))

    def personal_log_odds(self, a: Tensor, b: Tensor, tastes: Tensor) -> Tensor:
        return ((self._utilities(a) - self._utilities(b)) * tastes).sum(-1)

    def utilities(self, states: Tensor) -> Tensor:
        """Σ_k w_k·r_k: `[..., K]` → `[...]`."""
        return (self._utilities(states) * states.new_tensor(self.mean_taste)).sum(-1)

    def taste_of(self, a: Tensor, b: Tensor, share: Floats, votes: Floats) -> Floats:
        import numpy as np

        from polypref.models.heads._simplex import fit_weights

        differences = (self._utilities(a) - self._utilities(b)).detach().cpu().double().numpy()
        return fit_weights(differences, share, votes, np.array(self.mean_taste), self.shrinkage)

    def read_tastes(self, free: Tensor) -> Tensor:
        return free.softmax(-1)

    def _utilities(self, states: Tensor) -> Tensor:
        """r_k of every prototype, up to what is the same for all responses: `[..., K]` → `[..., K]`."""
        if self.form == "inner":
            return states
        return 2 * self.distance * states - states.square().sum(-1, keepdim=True)


HEAD = MixtureHead
