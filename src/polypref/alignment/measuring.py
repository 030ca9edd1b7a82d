"""How good a policy is on held-out prompts, beside the one before alignment and the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polypref.alignment.samples import Samples
from polypref.evaluation.policies import Texts, Versus, compare, describe_texts, judged, mean_over_prompts
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
    versus_last: Versus | None = None  # against the policy of the iteration before


def measure(
    samples: Sequence[Samples],
    before: Sequence[Samples],
    name: str,
    reference: str,
    judge: PreferenceModel | None,
    last: Sequence[Samples] = (),
) -> Measured:
    """`samples` hold the log-probabilities of the policy `name` and of the `reference`, from which `before` comes.

    `last` are samples of the policy of the iteration before, if that is not the reference.
    """
    own = [one.log_probs[name] for one in samples]
    others = [one.log_probs[reference] for one in samples]
    against, against_last = _versus(judge, samples, before, last)
    return Measured(
        name,
        mean_over_prompts([[a - b for a, b in zip(mine, theirs)] for mine, theirs in zip(own, others)]),
        mean_over_prompts([[-value for value in values] for values in own]),
        describe_texts([one.group for one in samples], [one.ended for one in samples]),
        against,
        against_last,
    )


def _versus(
    judge: PreferenceModel | None, samples: Sequence[Samples], before: Sequence[Samples], last: Sequence[Samples]
) -> tuple[Versus | None, Versus | None]:
    """Against both policies, whose samples are judged in one encoding for each prompt."""
    if judge is None:
        return None, None
    sides = [samples, before, *([last] if last else [])]
    judgments = list(judged(judge, [[one.group for one in side] for side in sides]))
    return compare(judgments, 0, 1), compare(judgments, 0, 2 if last else 1)
