"""Which head fits the data, and why, in sentences with the numbers behind them."""

from __future__ import annotations

from polypref.inspection.findings import Inspection
from polypref.inspection.measures import CERTAIN

OPPOSED = 0.1  # correlation between camps, beyond chance, from which on they matter: people always differ a little
_DECIDED = 0.4  # alpha below which people are said to disagree
_ALIKE = 0.8  # alpha from which on people are said to agree
_INDIFFERENT = 0.2  # alpha of comparisons below which votes on a pair are close to a coin's, or against each other


def recommend(seen: Inspection) -> tuple[str | None, list[str]]:
    """The head that fits, None where nobody judged anything, and why, in sentences with the numbers behind them."""
    if not seen.comparisons and not seen.ratings:
        return None, ["there is nothing to learn from yet: no comparisons and no ratings"]
    camps = seen.camps
    serious = [conflict for conflict in seen.conflicts if conflict.serious]
    of_pairs, of_ratings = seen.agreement.comparisons, seen.agreement.ratings
    reasons: list[str] = []
    cycles = [
        f"preferences {where} run in circles: cyclic share {found.value:.2f}, sampling noise alone gives "
        f"{found.noise:.2f} (p = {found.p_value:.3f}), and a single utility cannot say that"
        for where, found in seen.cycles.items()
        if found.p_value <= CERTAIN
    ]
    split = camps is not None and camps.detected and camps.opposition >= OPPOSED
    if camps and split:
        reasons.append(
            f"annotators fall into camps (p = {camps.p_value:.3f}; about {camps.smaller:.0%} on the smaller "
            "side), so a mean opinion is nobody's"
        )
    if cycles:
        reasons = cycles + reasons
        head = "general"
    elif seen.ratings and (split or not seen.comparisons):
        head = "distributional"
        if not seen.comparisons:
            reasons.append("people gave ratings, not comparisons; predict the whole distribution of labels")
    elif of_ratings and of_ratings.alpha < _DECIDED:
        head = "distributional"
        reasons.append("ratings of the same response differ widely; predict their distribution rather than their mean")
    elif split:
        head = "gaussian"
        reasons.append("a mean and a spread per response show where the camps part; there are no ratings to predict")
    elif any(conflict.kind == "criterion" for conflict in serious):
        head = "gaussian"
        reasons.append(
            "criteria conflict: where the criterion is not known in use, the spread shows the responses at stake; "
            "where it is, train one model per criterion"
        )
    elif of_pairs and of_pairs.alpha < _INDIFFERENT and of_pairs.high < _DECIDED:
        head = "gaussian"
        reasons.append("votes on the same pair contradict each other; a spread tells a split crowd from indifference")
    else:
        head = "scalar"
    if serious:
        conflict = max(serious, key=lambda c: c.disagree)
        noise = "" if conflict.within is None else f", against {conflict.within:.0%} within one {conflict.kind}"
        how = "judges of the same pairs" if conflict.method == "observed" else "tastes for surface features"
        reasons.append(
            f"{conflict.a} and {conflict.b} would disagree on {conflict.disagree:.0%} of pairs{noise} ({how})"
            + (f", the most of {len(serious)} conflicts" if len(serious) > 1 else "")
        )
    if any(conflict.kind == "domain" for conflict in serious):
        reasons.append("domains conflict: train one customised model per domain rather than one for all")
    for what, found in seen.agreement.known():
        if found.alpha < _DECIDED:
            reasons.append(
                f"people agree little on {what}: alpha {found.alpha:.2f} [{found.low:.2f}, {found.high:.2f}]"
            )
    if seen.drift and seen.drift.detected:
        reasons.append(f"opinion changed over time (p = {seen.drift.p_value:.3f}): let old votes fade")
    if of_ratings and head == "distributional" and of_ratings.alpha >= _ALIKE:
        reasons.append(f"they agree well (alpha {of_ratings.alpha:.2f}), so their mean loses little")
    if head == "scalar":
        reasons.append(_why_one_utility(seen, any(conflict.kind == "domain" for conflict in serious)))
    return head, reasons


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
