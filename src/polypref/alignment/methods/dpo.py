"""DPO, the baseline: a Bradley–Terry fit whose utilities are log-ratios to the reference."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look, Method, check_choice, chosen_pairs
from polypref.alignment.regression import Logistic


@dataclass(frozen=True, kw_only=True)
class DPO(Method):
    """−P_ij log σ(β(Δ_θ − Δ_ref)) − …, with soft shares; for utilities r its optimum is ∝ π_ref exp(r/β)."""

    name = "dpo"
    title = "direct preference optimisation"
    paper = "2305.18290"
    anchor = "reference"
    target = "P_ij, by cross-entropy"
    game = "log-odds"
    goal = "best response"
    last_iterate = True
    samples = "reference"

    choose: str = "all"  # or best-worst: the best of the K with the worst alone, as pairs are often made

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.choose)

    def regression(self, look: Look) -> Logistic:
        return Logistic(
            anchor=look.reference,
            target=self.shares(look),
            weight=look.weight,
            beta=self.beta,
            pairs=chosen_pairs(look, self.choose),
        )


METHODS = (DPO,)
