"""How good a policy is on held-out prompts, beside the one before alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polypref.alignment.samples import Samples
from polypref.evaluation.policies import Texts, Versus, describe_texts, mean_over_prompts, versus
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.resampling import Estimate


@dataclass(frozen=True)
class Measured:
    """One policy on held-out prompts."""

    policy: str  # how it is named in the run
    divergence: Estimate  # KL(policy ‖ policy before alignment) in nats, from its samples
    entropy: Estimate  # of its answers, in nats
    texts: Texts
    versus: Versus | None  # against the policy before alignment, by the judge


def measure(
    samples: Sequence[Samples], before: Sequence[Samples], name: str, reference: str, judge: PreferenceModel | None
) -> Measured:
    """`samples` hold the log-probabilities of the policy `name` and of the `reference`, from which `before` comes."""
    own = [one.log_probs[name] for one in samples]
    others = [one.log_probs[reference] for one in samples]
    return Measured(
        name,
        mean_over_prompts([[a - b for a, b in zip(mine, theirs)] for mine, theirs in zip(own, others)]),
        mean_over_prompts([[-value for value in values] for values in own]),
        describe_texts([one.group for one in samples], [one.ended for one in samples]),
        None if judge is None else versus(judge, [one.group for one in samples], [one.group for one in before]),
    )
