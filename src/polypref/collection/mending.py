"""From data to a cleaned file, its log, and one report of what is wrong with the labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polypref.collection.cleaning import POLICIES, clean_groups, write_log
from polypref.collection.features import features_of, load_reader
from polypref.collection.quality import Quality, check_quality
from polypref.collection.suspects import Doubts, suspect_labels
from polypref.errors import DataError, PolyprefError, unknown
from polypref.groups.model import Group
from polypref.groups.writing import GroupWriter
from polypref.models.loading import Loading

_SHOWN = 10  # suspects in the report for people


@dataclass(frozen=True)
class Mended:
    """What was found and done."""

    policy: str
    names: list[str]  # of the groups: their ids, or their numbers
    doubts: Doubts
    changed: int  # comparisons
    quality: Quality

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        suspects = [{**one._asdict(), "group": self.names[one.group]} for one in self.doubts.of("flip")]
        return {
            "policy": self.policy,
            "noise": self.doubts.noise,
            "pairs": self._kinds(),
            "changed": self.changed,
            "suspects": suspects,
            "quality": self.quality.as_dict(),
        }

    def lines(self) -> list[tuple[str, str]]:
        """What was found, a line each, for people."""
        kinds, found = self._kinds(), self.quality
        rows = [
            ("labels", f"{self.doubts.noise:.1%} are thought flipped; {self.changed:,} comparisons changed"),
            ("pairs", ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())),
            (
                "repeats",
                f"{found.duplicates.prompts:,} prompts, {found.duplicates.responses:,} responses within a group, "
                f"{found.duplicates.judgments:,} judgments",
            ),
        ]
        if found.leaked is not None:
            rows.append(("leaked prompts", f"{len(found.leaked):,}"))
        if (bias := found.length_bias) is not None:
            rows.append(("length", f"the longer wins {bias.longer_wins:.0%} [{bias.low:.0%}, {bias.high:.0%}]"))
        if (place := found.position_bias) is not None:
            rows.append(("position", f"the first wins {place.first_wins:.0%} [{place.low:.0%}, {place.high:.0%}]"))
        if found.at_random is not None:
            who = ", ".join(f"{one.annotator} ({one.accuracy:.0%} of {one.judgments:,})" for one in found.at_random)
            rows.append(("clicks at random", who or "nobody"))
        return rows + [(what, f"cannot be told: {why}") for what, why in found.why.items()]

    def evidence(self) -> list[tuple[str, ...]]:
        """The most probable flips."""
        return [
            (
                self.names[one.group],
                str(one.preferred),
                str(one.other),
                f"{one.mean:.2f}",
                f"{one.spread:.2f}",
                f"{one.flipped:.0%}",
            )
            for one in self.doubts.of("flip")[:_SHOWN]
        ]

    def _kinds(self) -> dict[str, int]:
        found = Counter(one.kind for one in self.doubts.pairs)
        return {kind: found[kind] for kind in ("sound", "near tie", "flip", "split")}


def mend(
    groups: Sequence[Group],
    out: str | Path,
    log: str | Path,
    *,
    model: str,
    policy: str = "flip",
    against: Iterable[Group] | None = None,
    members: int = 16,
    folds: int = 5,
    ridge: float = 1.0,
    seed: int = 0,
    loading: Loading | None = None,
    progress: Callable[[int], None] | None = None,
) -> Mended:
    """Doubt the labels of the groups, clean them by a policy into `out`, and log every change to `log`."""
    if policy not in POLICIES:
        raise PolyprefError(unknown("policy", policy, POLICIES))
    if Path(out).resolve() == Path(log).resolve():
        raise PolyprefError(f"--out and --log are the same file, {out}")
    if not groups:
        raise DataError("has no rows")
    quality = check_quality(groups, against, seed=seed)
    reader, _ = load_reader(model, loading or Loading())
    doubts = suspect_labels(
        groups, features_of(reader, groups, progress), members=members, folds=folds, seed=seed, ridge=ridge
    )
    cleaned, changes = clean_groups(groups, doubts, policy)
    with GroupWriter(out) as writer:
        for group in cleaned:
            writer.write(group)
        write_log(changes, log, policy)  # before the file is there: without its log it could not be undone
    names = [group.id or str(at) for at, group in enumerate(groups, 1)]
    return Mended(policy, names, doubts, len(changes), quality)
