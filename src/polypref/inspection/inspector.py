"""What kind of preferences a data set holds: sizes, agreement, cycles, conflicts, shortcuts, and the head that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from polypref.errors import Undefined
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.groups.table import Table, Tabulator
from polypref.inspection import counts, measures
from polypref.inspection.conflicts import Conflict, ContextVotes
from polypref.inspection.findings import Agreements, Duplicates, Inspection, Surface
from polypref.inspection.recommendation import recommend
from polypref.inspection.surface import FEATURES, Pairs, surface_features, surface_shortcut, taste_conflict
from polypref.inspection.voices import Voices
from polypref.statistics.intervals import FEWEST_PROMPTS, clustered_share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Value = TypeVar("Value")

_FEATURED = 4_000  # comparisons per criterion or domain whose texts are read for surface features
_ENOUGH = 100  # comparisons below which no taste is learned
_STRONGEST = 6  # features named of a surface taste
_CONTEXTS = 12  # criteria or domains compared with each other, the largest ones


def inspect_groups(groups: Iterable[Group], *, seed: int = 0) -> Inspection:
    """Inspect groups; each is looked at once and need not be kept."""
    inspector = Inspector(seed=seed)
    for group in groups:
        inspector.add(group)
    return inspector.result()


class Inspector:
    """Collects what an inspection needs, group by group, in memory far below that of the texts."""

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._tabulator = Tabulator()
        self._prompts: list[int] = []  # number of each group's prompt, in the order in which they came first
        self._numbers: dict[int, int] = {}  # by hash of the prompt: hashes differ from run to run, numbers do not
        self._texts: list[int] = []  # hash of each response together with its prompt
        self._repeated = 0
        self._said_again = 0  # judgments that repeat another one of their group in everything
        self._samples: dict[tuple[str | None, str | None], _Sample] = {}
        self._voices = Voices()
        self._rng = np.random.default_rng(seed)

    def add(self, group: Group) -> None:
        """Look at one group."""
        prompt = hash(prompt_key(group))
        self._prompts.append(self._numbers.setdefault(prompt, len(self._numbers)))
        self._texts.extend(hash((prompt, text)) for text in group.responses)
        self._repeated += len(group) - len(set(group.responses))
        said: list[tuple[object, ...]] = [(c.i, c.j, c.p, c.annotator, c.criterion, c.time) for c in group.comparisons]
        said += [(r.i, r.label, r.annotator, r.criterion, r.time) for r in group.ratings]
        self._said_again += len(said) - len(set(said))
        features: dict[int, Floats] = {}
        self._sample(group, self._prompts[-1], features)
        self._voices.add(group, self._prompts[-1], features)
        self._tabulator.add(group)

    def _sample(self, group: Group, number: int, features: dict[int, Floats]) -> None:
        for c in group.comparisons:
            key = (c.criterion, group.domain)
            sample = self._samples.get(key) or self._samples.setdefault(key, _Sample())
            place = sample.place(self._rng)
            if place is not None:
                for k in (c.i, c.j):
                    if k not in features:
                        features[k] = surface_features(group, k)
                sample.put(place, features[c.i] - features[c.j], 2 * c.p - 1, number)

    def result(self) -> Inspection:
        """The inspection of all groups added so far."""
        table = self._tabulator.table()
        if not len(table.domain):
            raise Undefined("there is nothing to inspect: the data have no groups")
        why: dict[str, str] = {}
        _, where, code = np.unique(np.array(self._texts, np.int64), return_index=True, return_inverse=True)
        texts = where[code]  # the first response with the same text: hashes differ from run to run, this does not
        prompts, of_group = len(self._numbers), np.array(self._prompts, np.int64)
        pairs = counts.TurnedVotes.of(table)
        items = measures.repeated_items(table, pairs)
        seed = self._seed

        def attempt(name: str, compute: Callable[[], Value]) -> Value | None:
            """The value, or None with the reason noted where it is undefined."""
            try:
                return compute()
            except Undefined as error:
                why[name] = str(error)
                return None

        seen = Inspection(
            groups=len(table.domain),
            prompts=prompts,
            responses=len(table.group),
            comparisons=len(table.first),
            ratings=len(table.label),
            annotators=len(table.annotators),
            sizes=counts.sizes(table),
            votes=counts.vote_counts(table, pairs),
            duplicates=Duplicates(len(self._prompts) - prompts, self._repeated, self._said_again),
            contradictions=counts.contradictions(table, pairs),
            agreement=Agreements(
                attempt("agreement of comparisons", lambda: measures.pair_agreement(table, pairs, seed)),
                attempt("agreement of ratings", lambda: measures.rating_agreement(table, seed)),
            ),
            cyclic_share=attempt("cyclic share", lambda: measures.within_prompts(table, seed)),
            shortcut=attempt("shortcut", self._shortcut),
            conflicts=self._conflicts(table, texts, of_group, why),
            camps=attempt("camps", lambda: measures.camps(table, items, seed)),
            telling_apart=attempt("telling apart", lambda: self._voices.told_apart(seed)),
            sources=attempt("sources", lambda: measures.between_sources(table, seed)),
            length_bias=attempt("length bias", lambda: measures.length_bias(table, of_group)),
            labels=counts.label_histogram(table),
            drift=attempt("drift", lambda: measures.drift(table, items, seed)),
            recommended_head=None,
            reasons=[],
            why=why,
        )
        head, reasons = recommend(seen)
        return replace(seen, recommended_head=head, reasons=reasons)

    def _shortcut(self) -> Surface:
        pairs = _joined([sample.pairs() for sample in self._samples.values()])
        decided = int(np.count_nonzero(pairs.vote))
        if decided < _ENOUGH or pairs.prompts < FEWEST_PROMPTS:
            raise Undefined(
                f"too few decided comparisons ({decided}; {_ENOUGH} are needed) or prompts ({pairs.prompts}; "
                f"{FEWEST_PROMPTS} are needed) to learn a surface taste from"
            )
        found = surface_shortcut(pairs)
        _, low, high = clustered_share(found.hits, np.ones(len(found.hits)), found.group)
        return Surface(found.accuracy, low, high, decided, dict(list(found.taste.items())[:_STRONGEST]))

    def _conflicts(self, table: Table, texts: Ints, prompts: Ints, why: dict[str, str]) -> list[Conflict]:
        kinds = {
            "criterion": (table.criteria, table.comparison_criterion, table.rating_criterion),
            "domain": (table.domains, _domain_of(table, table.first), _domain_of(table, table.rated)),
        }
        conflicts = []
        for kind, (names, of_comparison, of_rating) in kinds.items():
            if len(names) < 2:
                continue
            judged = np.bincount(np.concatenate([of_comparison, of_rating]) + 1, minlength=len(names) + 1)[1:]
            largest = sorted(np.argsort(-judged, kind="stable")[:_CONTEXTS].tolist())
            if len(names) > len(largest):
                why["conflicts"] = f"the {len(largest)} largest of {len(names)} {kind} names are compared"
            votes = ContextVotes.of(table, texts, prompts, of_comparison, of_rating)
            for at, a in enumerate(largest):
                for b in largest[at + 1 :]:
                    conflict = votes.conflict(kind, names[a], names[b], a, b) or self._predicted(
                        kind, names[a], names[b]
                    )
                    if conflict:
                        conflicts.append(conflict)
        if not conflicts and (len(table.criteria) > 1 or len(table.domains) > 1):
            why["conflicts"] = (
                f"the criteria or domains share no pair, and have too few comparisons ({_ENOUGH} each are needed) or "
                f"prompts ({FEWEST_PROMPTS} each) to compare tastes"
            )
        return conflicts

    def _predicted(self, kind: str, a: str, b: str) -> Conflict | None:
        where = 0 if kind == "criterion" else 1
        of_a, of_b = (_joined([s.pairs() for key, s in self._samples.items() if key[where] == name]) for name in (a, b))
        if min(len(of_a), len(of_b)) < _ENOUGH or min(of_a.prompts, of_b.prompts) < FEWEST_PROMPTS:
            return None
        found = taste_conflict(of_a, of_b, seed=self._seed)
        return Conflict(
            kind,
            a,
            b,
            disagree=found.across,
            within=found.within,
            low=found.low,
            high=found.high,
            pairs=len(of_a) + len(of_b),
            method="predicted",
            excess_low=found.excess_low,
            excess_high=found.excess_high,
        )


class _Sample:
    """A uniform sample of comparisons with their feature differences (Vitter's algorithm R)."""

    def __init__(self) -> None:
        self._seen = 0
        self._difference: list[Floats] = []
        self._vote: list[float] = []
        self._group: list[int] = []

    def place(self, rng: np.random.Generator) -> int | None:
        """Where the next comparison goes, None if it is not drawn."""
        self._seen += 1
        if self._seen <= _FEATURED:
            return self._seen - 1
        place = int(rng.integers(self._seen))
        return place if place < _FEATURED else None

    def put(self, place: int, difference: Floats, vote: float, group: int) -> None:
        if place == len(self._vote):
            self._difference.append(difference)
            self._vote.append(vote)
            self._group.append(group)
        else:
            self._difference[place], self._vote[place], self._group[place] = difference, vote, group

    def pairs(self) -> Pairs:
        return Pairs(np.array(self._difference), np.array(self._vote), np.array(self._group, np.int64))


def _joined(parts: Sequence[Pairs]) -> Pairs:
    if not parts:
        return Pairs(np.zeros((0, len(FEATURES))), np.zeros(0), np.zeros(0, np.int64))
    columns = zip(*((p.difference, p.vote, p.group) for p in parts))
    difference, vote, group = (np.concatenate(column) for column in columns)
    return Pairs(difference, vote, group)


def _domain_of(table: Table, response: Ints) -> Ints:
    return table.domain[table.group[response]]
