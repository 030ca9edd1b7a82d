"""An inspection as lines for people: a heading and a sentence each, in the order in which one would ask."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from polypref import notebook
from polypref.inspection.conflicts import MATTERS, Conflict
from polypref.inspection.findings import Inspection, Spread
from polypref.inspection.measures import CERTAIN
from polypref.markup import Markup

_BAR = "▁▂▃▄▅▆▇█"
_SECONDS_SINCE_1970 = 1e8  # times from here on are read as such, smaller ones as steps of some other clock
_MOST = 6  # names listed before "and n more"


def inspection_lines(seen: Inspection) -> list[tuple[str, str]]:
    """(heading, text) pairs; a heading is empty where its line continues the one above."""
    lines = [("Size", _size(seen)), *(("", text) for text in _names(seen)), ("Votes", _votes(seen))]
    lines += [("Repeats", _repeats(seen)), ("Agreement", _agreement(seen)), *_optional("Annotators", _camps(seen))]
    lines += _optional("Persons", _persons(seen))
    lines += [("Cycles", _cycles(seen)), *_optional("Sources", _sources(seen))]
    if seen.conflicts:
        lines += _headed("Conflicts", _conflicts(seen.conflicts))
    elif "conflicts" in seen.why:
        lines.append(("Conflicts", f"cannot be told: {seen.why['conflicts']}"))
    lines += [("Length", _length(seen)), *_optional("Surface", _shortcut(seen)), *_optional("Labels", _labels(seen))]
    lines += [*_optional("Drift", _drift(seen))]
    if seen.skipped:
        lines += _headed("Left out", [f"{_count(count, 'row')}: {reason}" for reason, count in seen.skipped.items()])
    return lines


def head_lines(seen: Inspection) -> list[tuple[str, str]]:
    """The head that fits and why, in such pairs."""
    return [("Head", seen.recommended_head or "none"), *(("", f"• {reason}") for reason in seen.reasons)]


def text(seen: Inspection) -> str:
    """The screen as plain text."""
    lines = [*inspection_lines(seen), *head_lines(seen)]
    width = max(len(heading) for heading, _ in lines)
    return "\n".join(f"{heading:{width}}  {said}" for heading, said in lines)


def html(seen: Inspection) -> Markup:
    """The screen as a notebook shows it."""
    return notebook.box("Inspection", notebook.facts([*inspection_lines(seen), *head_lines(seen)]))


_Matrix = list[list["float | None"]]


def conflict_matrix(conflicts: Iterable[Conflict]) -> tuple[list[str], _Matrix, _Matrix]:
    """Names, how often each two would disagree, and what noise alone gives; None where it is not known."""
    conflicts = list(conflicts)
    names = list(dict.fromkeys(name for c in conflicts for name in (c.a, c.b)))
    values: _Matrix = [[None] * len(names) for _ in names]
    within: _Matrix = [[None] * len(names) for _ in names]
    for c in conflicts:
        a, b = names.index(c.a), names.index(c.b)
        values[a][b] = values[b][a] = c.disagree
        within[a][b] = within[b][a] = c.within
    return names, values, within


def _headed(heading: str, texts: list[str]) -> list[tuple[str, str]]:
    return [(heading if k == 0 else "", text) for k, text in enumerate(texts)]


def _optional(heading: str, text: str | None) -> list[tuple[str, str]]:
    return [(heading, text)] if text else []


def _size(seen: Inspection) -> str:
    per_group = seen.sizes.responses_per_group
    text = (
        f"{_count(seen.groups, 'group')} of {_range(per_group)} responses, "
        f"{_count(seen.prompts, 'different prompt')} · "
        f"{_count(seen.responses, 'response')} of {_range(seen.sizes.characters_per_response)} characters · "
        f"{_count(seen.comparisons, 'comparison')} · {_count(seen.ratings, 'rating')} · "
    )
    return text + (_count(seen.annotators, "named annotator") if seen.annotators else "no annotators named")


def _names(seen: Inspection) -> list[str]:
    lists = [("domains", seen.sizes.domains), ("criteria", seen.sizes.criteria)]
    return [
        f"{kind}: {_listed(f'{name} {count:,}' for name, count in counts.items())}" for kind, counts in lists if counts
    ]


def _votes(seen: Inspection) -> str:
    votes, parts = seen.votes, []
    if votes.pairs:
        again = votes.pairs_judged_again
        parts.append(f"{_range(votes.per_pair)} per pair, {again:,} of {votes.pairs:,} pairs judged more than once")
    if votes.rated:
        parts.append(f"{_range(votes.per_rated)} ratings per rated response")
    if votes.per_annotator:
        parts.append(f"{_range(votes.per_annotator)} judgments per annotator")
    return " · ".join(parts) or "none"


def _repeats(seen: Inspection) -> str:
    twice = f" and {seen.contradictions.by_one_annotator:,} by the same annotator" if seen.annotators else ""
    return (
        f"{_count(seen.duplicates.prompts, 'repeated prompt')} · {_count(seen.duplicates.responses, 'response')} "
        f"repeated within a group · {_count(seen.duplicates.judgments, 'judgment')} repeated in everything · "
        f"{_count(seen.contradictions.pairs, 'pair')} with votes both ways{twice}"
    )


def _agreement(seen: Inspection) -> str:
    parts = []
    for what, found in seen.agreement.known():
        parts.append(
            f"{what}: Krippendorff's α {_interval(found.alpha, found.low, found.high)} "
            f"({found.level}), two votes agree {found.observed:.0%} of the time, {found.items:,} items"
        )
    if parts:
        return " · ".join(parts)
    of = "comparisons" if seen.comparisons else "ratings"
    return f"cannot be measured: {seen.why[f'agreement of {of}']}"


def _persons(seen: Inspection) -> str | None:
    found = seen.telling_apart
    if found is None or found.log_loss.low is None or found.log_loss.high is None:
        return None
    gain = f"{found.log_loss.value:+.3f} nats a vote, {found.log_loss.low:+.3f} to {found.log_loss.high:+.3f}"
    said = "telling them apart pays" if found.pays else "telling them apart is not seen to pay"
    return (
        f"{said}: a surface taste for each of {found.people:,} foretells held-out votes better than one for all by "
        f"{gain}, and {found.accuracy.value:+.1%} of the sides"
    )


def _camps(seen: Inspection) -> str | None:
    camps = seen.camps
    if camps is None:
        return None
    text = f"the {camps.annotators} busiest of {seen.annotators}" if camps.annotators < seen.annotators else "all"
    text += f" compared by their {camps.by}: "
    if not camps.detected:
        return text + f"no clear camps (p = {camps.p_value:.3f}; {CERTAIN} would be clear)"
    if not camps.matter:
        return text + (
            f"some deviate together, too weakly to matter (correlation within the sides exceeds that across by "
            f"{camps.opposition:.2f})"
        )
    return (
        text + f"they deviate together, {camps.smaller:.0%} of them on the smaller side: correlation within the sides "
        f"exceeds that across by {camps.opposition:.2f} (p = {camps.p_value:.3f})"
    )


def _cycles(seen: Inspection) -> str:
    found = seen.cyclic_share
    if found is None:
        return f"cannot be seen: {seen.why.get('cyclic share', 'no comparisons')}"
    clear = found.p_value <= CERTAIN
    verdict = "more than noise" if clear else "not clearly more than noise"
    dependent = "; a cautious test, since annotators judged several pairs of a prompt and each is transitive alone"
    caveat = "" if clear or found.independent_votes else dependent
    return (
        f"cyclic share {_interval(found.value, found.low, found.high)} over {found.groups:,} groups with "
        f"loops; noise alone gives {found.noise:.2f} (95 % below {found.noise_high:.2f}): {verdict}, "
        f"p = {found.p_value:.3f}{caveat}"
    )


def _sources(seen: Inspection) -> str | None:
    sources = seen.sources
    if sources is None:
        return None
    rates = list(sources.win_rates.items())
    (best, most), (worst, least) = rates[0], rates[-1]
    text = f"{len(rates)} named; {best} wins most votes ({most:.0%}), {worst} fewest ({least:.0%}); over all prompts "
    found = sources.cyclic_share
    if found is None:
        return text + "cycles cannot be seen, since these comparisons close no loop"
    text += f"cyclic share {found.value:.2f}, noise {found.noise:.2f}, p = {found.p_value:.3f}"
    if found.p_value <= CERTAIN and sources.cycles:
        cycle = sources.cycles[0]
        around = " ≻ ".join([*cycle.members, cycle.members[0]])
        text += f"; strongest cycle {around} (each at least {cycle.strength:.0%})"
    return text


def _conflicts(conflicts: list[Conflict]) -> list[str]:
    """The serious ones, the worst first; of the others their number is enough."""
    serious = sorted((c for c in conflicts if c.serious), key=lambda c: -c.disagree)
    texts = [_conflict(c) for c in serious[:_MOST]]
    more, quiet = len(serious) - len(texts), len(conflicts) - len(serious)
    if more:
        texts.append(f"and {_count(more, 'more conflict')}")
    if quiet:
        which = f"between {_count(quiet, 'other pair')}" if serious else f"between {_pairs(conflicts)}"
        texts.append(f"{which} none that is clear and matters ({MATTERS:.0%} of pairs beyond noise)")
    return texts


def _pairs(conflicts: list[Conflict]) -> str:
    if len(conflicts) > 1:
        kinds = dict.fromkeys("criteria" if c.kind == "criterion" else "domains" for c in conflicts)
        return f"{len(conflicts)} pairs of {' or '.join(kinds)}"
    (c,) = conflicts
    return f"{c.a} and {c.b}"


def _conflict(c: Conflict) -> str:
    """A serious one, which therefore has an interval."""
    within = "" if c.within is None else f", {c.within:.0%} within one {c.kind}"
    of = (
        f"{c.pairs:,} pairs judged by both" if c.method == "observed" else "pairs, by their tastes for surface features"
    )
    return f"{c.a} against {c.b}: disagree on {c.disagree:.0%} [{c.low:.0%}, {c.high:.0%}] of {of}{within}"


def _length(seen: Inspection) -> str:
    bias = seen.length_bias
    if bias is None:
        return f"cannot be told: {seen.why['length bias']}"
    odds = bias.odds_per_doubling
    slope = "" if odds is None else f"; twice the length multiplies the odds by {odds:.2f}"
    wins = "wins" if bias.by == "comparisons" else "is rated higher in"
    return (
        f"the longer response {wins} {bias.longer_wins:.0%} [{bias.low:.0%}, {bias.high:.0%}] "
        f"of {bias.pairs:,} decided pairs{slope}"
    )


def _shortcut(seen: Inspection) -> str | None:
    found = seen.shortcut
    if found is None:
        return None
    interval = f"[{found.low:.0%}, {found.high:.0%}]"
    text = f"a rule on surface features alone predicts {found.accuracy:.0%} {interval} of unseen votes"
    if found.low <= 0.5:
        return text + ", no better than a coin"
    likes = [f"{'more' if weight > 0 else 'less'} {name}" for name, weight in list(found.taste.items())[:4]]
    return f"{text}: {', '.join(likes)}"


def _labels(seen: Inspection) -> str | None:
    if not seen.labels:
        return None
    top = max(seen.labels.values()) or 1
    total = sum(seen.labels.values()) or 1
    cells = list(seen.labels.items())
    shown = cells if len(cells) <= 12 else cells[:12]
    text = "  ".join(f"{label} {_BAR[round(7 * count / top)]} {count / total:.0%}" for label, count in shown)
    return text + (f"  and {len(cells) - 12} more labels" if len(cells) > 12 else "")


def _drift(seen: Inspection) -> str | None:
    drift = seen.drift
    if drift is None:
        return None
    if not drift.detected or drift.time is None:
        return f"no change of opinion over time beyond chance (p = {drift.p_value:.2f})"
    return f"opinion changed around {_when(drift.time)} (p = {drift.p_value:.3f})"


def _when(time: float) -> str:
    if time < _SECONDS_SINCE_1970:
        return f"time {time:g}"
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _range(spread: Spread | None) -> str:
    if spread is None:
        return "no"
    low, middle, high = (
        f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}" for value in (spread.min, spread.median, spread.max)
    )
    return low if low == high else f"{low} to {high} (median {middle})"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
