"""Which head fits the data, and why, in sentences with the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence

from polypref.inspection.conflicts import Conflict
from polypref.inspection.findings import Inspection
from polypref.inspection.measures import CERTAIN
from polypref.models.heads import Shape, head_for

_DECIDED = 0.4  # alpha below which people are said to disagree
_ALIKE = 0.8  # alpha from which on people are said to agree
_INDIFFERENT = 0.2  # alpha of comparisons below which votes on a pair are close to a coin's, or against each other


def recommend(seen: Inspection) -> tuple[str | None, list[str]]:
    """The head that fits, None where nobody judged anything, and why, in sentences with the numbers behind them."""
    if not seen.comparisons and not seen.ratings:
        return None, ["there is nothing to learn from yet: no comparisons and no ratings"]
    serious = [conflict for conflict in seen.conflicts if conflict.serious]
    of_ratings = seen.agreement.ratings
    shape, reasons = _shape(seen, any(conflict.kind == "criterion" for conflict in serious))
    reasons += [*_of_conflicts(serious), *_of_agreement(seen)]
    if seen.drift and seen.drift.detected:
        reasons.append(f"opinion changed over time (p = {seen.drift.p_value:.3f}): let old votes fade")
    if of_ratings and shape == "opinions" and of_ratings.alpha >= _ALIKE:
        reasons.append(f"they agree well (alpha {of_ratings.alpha:.2f}), so their mean loses little")
    if shape == "order":
        reasons.append(_why_one_utility(seen, any(conflict.kind == "domain" for conflict in serious)))
    return head_for(shape), reasons


def _shape(seen: Inspection, criteria_conflict: bool) -> tuple[Shape, list[str]]:
    """What the preferences look like, and why one says so."""
    camps, of_pairs, of_ratings = seen.camps, seen.agreement.comparisons, seen.agreement.ratings
    cycles, reasons = _of_cycles(seen), []
    split = camps is not None and camps.matter
    if camps and split:
        reasons.append(
            f"annotators fall into camps (p = {camps.p_value:.3f}; about {camps.smaller:.0%} on the smaller "
            "side), so a mean opinion is nobody's"
        )
    if cycles:
        return "circles", cycles + reasons
    if seen.ratings and not seen.comparisons:
        return "opinions", [*reasons, "people gave ratings, not comparisons; predict the whole distribution of labels"]
    if seen.ratings and split:
        return "opinions", reasons
    if of_ratings and of_ratings.alpha < _DECIDED:
        differ = "ratings of the same response differ widely; predict their distribution rather than their mean"
        return "opinions", [*reasons, differ]
    if split:
        parts = "a mean and a spread per response show where the camps part; there are no ratings to predict"
        return "spread", [*reasons, parts]
    if criteria_conflict:
        conflict = (
            "criteria conflict: where the criterion is not known in use, the spread shows the responses at stake; "
            "where it is, train one model per criterion"
        )
        return "spread", [*reasons, conflict]
    if of_pairs and of_pairs.alpha < _INDIFFERENT and of_pairs.high < _DECIDED:
        contradict = "votes on the same pair contradict each other; a spread tells a split crowd from indifference"
        return "spread", [*reasons, contradict]
    return "order", reasons


def _of_cycles(seen: Inspection) -> list[str]:
    return [
        f"preferences {where} run in circles: cyclic share {found.value:.2f}, sampling noise alone gives "
        f"{found.noise:.2f} (p = {found.p_value:.3f}), and a single utility cannot say that"
        for where, found in seen.cycles.items()
        if found.p_value <= CERTAIN
    ]


def _of_conflicts(serious: Sequence[Conflict]) -> list[str]:
    if not serious:
        return []
    conflict = max(serious, key=lambda c: c.disagree)
    noise = "" if conflict.within is None else f", against {conflict.within:.0%} within one {conflict.kind}"
    how = "judges of the same pairs" if conflict.method == "observed" else "tastes for surface features"
    most = f", the most of {len(serious)} conflicts" if len(serious) > 1 else ""
    reasons = [f"{conflict.a} and {conflict.b} would disagree on {conflict.disagree:.0%} of pairs{noise} ({how}){most}"]
    if any(conflict.kind == "domain" for conflict in serious):
        reasons.append("domains conflict: train one customised model per domain rather than one for all")
    return reasons


def _of_agreement(seen: Inspection) -> list[str]:
    return [
        f"people agree little on {what}: alpha {found.alpha:.2f} [{found.low:.2f}, {found.high:.2f}]"
        for what, found in seen.agreement.known()
        if found.alpha < _DECIDED
    ]


def _why_one_utility(seen: Inspection, domains_conflict: bool) -> str:
    where = "within a domain, " if domains_conflict else ""
    cyclic = seen.cyclic_share
    if cyclic:
        return (
            f"{where}one utility explains the comparisons up to noise: cyclic share {cyclic.value:.2f}, "
            f"noise {cyclic.noise:.2f}"
        )
    if not seen.votes.pairs_judged_again:
        return (
            f"{where}every pair was judged once and no comparisons close a loop: disagreement and cycles cannot be "
            "seen, so start simple"
        )
    return f"{where}no comparisons close a loop, so cycles cannot be seen; start with one utility"
