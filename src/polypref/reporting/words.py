"""The sentences of a report: what the numbers say, and what each figure, column and rule means."""

from __future__ import annotations

from polypref.evaluation.catalogue import Table, sentence_of
from polypref.inspection.findings import Inspection
from polypref.inspection.measures import CERTAIN
from polypref.reporting.contents import Chapter, Crowd, PolicyRun, Preferences
from polypref.statistics.resampling import Estimate

TRAINING_CAPTION = (
    "A loss that falls and flattens has learned what it can; a held-out loss (dashed) that rises again has begun to "
    "learn by heart."
)
RELIABILITY_CAPTION = (
    "On the diagonal a model means what it says: of the pairs on which it is 80% sure, 80% of the votes agree. Below "
    "it the model is too sure, above it too cautious; larger points stand for more votes."
)
PREFERENCES_LEAD = (
    "A few prompts out of all: those whose votes run in the strongest circles, those whose votes are split most "
    "evenly, and those on which the models are furthest from the votes."
)
MATRIX_CAPTION = (
    "Each cell says how many in a hundred prefer the response of its row to that of its column; arrows lead from "
    "winner to loser. Outlined cells and strong arrows form a cycle, which no single score per response can produce."
)
OPINIONS_LEAD = "The prompts on which the ratings of one and the same response lie furthest apart."
PART_CAPTION = "How often each model sides with the majority there: a model may be good on average and poor for some."
TRADEOFF_CAPTION = (
    "Up is better for the domain, right is better in general. The solid line goes from the general model through the "
    "training for the domain, the dashed one through mixtures of the two; the ring is the model that is recommended."
)
WON_CAPTION = (
    "Up is better, 50% is the policy before alignment; the number beside a point is the iteration. What is won far to "
    "the right was paid for by leaving that policy, and what is lost at equal lengths was won by writing more."
)
TEXTS_CAPTION = "Answers that only grow longer, or all alike (entropy falls), are seldom what was meant to be learned."
POLICY_HEADER = (
    "run", "iteration", "wins against before", "at equal lengths", "wins against the last", "at equal lengths",
    "KL, nats", "entropy, nats", "characters", "distinct words", "distinct pairs", "ended", "empty",
)  # fmt: skip
GAME_LEAD = (
    "Every policy of a run plays against every other on the same prompts. Where a later policy loses to an earlier "
    "one, learning goes in circles, and the equilibrium mixes several policies."
)
GAME_MEANING = (
    "Each cell says how many in a hundred prefer the policy of its row to that of its column, as the judge has it. The "
    "equilibrium is the mixture of policies that no policy beats. Half of the duality gap is how far beyond one half "
    "the best answer to a policy wins among the samples of all; a policy that no sample beats has none."
)
ANSWERS_LEAD = "Some of the held-out prompts, evenly spread, with answers of the policy before and after alignment."
MAP_CAPTION = (
    "Each mark is a person; who is near to whom likes the same. The axes are the two directions in which tastes, as "
    "far as votes tell them, differ most, without a unit; who has few votes stands near the middle."
)
LIKES_LEAD = (
    "The answers that each cluster puts furthest above and below the others to the same prompt, one of a prompt, with "
    "how far that is in log-odds, and what everybody else thinks of them."
)
BY_VOTES_CAPTION = (
    "Further right is better, 50% is a coin. Votes on a quarter of everybody's prompts are foretold from at most so "
    "many of their others; with none, everybody is foretold alike. Lines are 95 % intervals over persons."
)
COMPROMISE_CAPTION = (
    "Of each prompt one answer is chosen for all, by the mean over people (α = 0), by the worst-off (α = −∞), and "
    "between. Right is better in the mean, up is better for whom the answer suits least."
)
COLUMNS = {  # besides the metrics, which explain themselves
    "responses": "rated responses that were measured",
    "groups": "prompts with their responses",
    "comparisons": "votes on two responses",
    "pairs": "compared pairs of responses",
    "votes": "votes that the annotator gave",
    "votes / ceiling": "share of single votes on the model's side, and the largest that any model could get",
    "of each": "what the data are divided by",
    "worst": "the part on which the model is least accurate",
    "mean": "accuracy in the mean over the parts",
    "of": "number of parts",
    "metric": "what is compared; accuracy alike is that at like length, Kendall is τ, Wasserstein is W1, true accuracy "
    "and preference error (error of P) are against the simulated truth",
    "better is": "on which side of 0 the difference is if this model is better than the first",
    "difference [95 %]": "the metric of this model less that of the first, on the same prompts, with its 95 % interval",
    "p": "how often so large a difference comes about by chance if neither is better; with many comparisons one in "
    "twenty is below 0.05",
}
RULES = {
    "Condorcet": "beats every other by a majority; in a cycle there is nobody who does",
    "Copeland": "beats the most others",
    "Borda": "has the highest average share against the others",
    "Kemeny": "heads the ranking that contradicts the fewest votes",
    "maximal lottery": "the mixture of responses that no response beats on average; it always exists",
}


def column(name: str, table: Table | None) -> str | None:
    """What a column of a table of scores means; None where it has a name or a number and needs no explanation.

    Tables that are none of the catalogue's, of domains or annotators, show metrics of the preferences.
    """
    if name.startswith("n = "):
        return f"true or mean rated quality of the response that the model likes best of {name.removeprefix('n = ')}"
    own = sentence_of(name, table) if table else None
    return own or COLUMNS.get(name) or sentence_of(name, "preferences")


def interval(found: Estimate) -> str:
    """A number with its interval, where it has one."""
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.2f} to {found.high:.2f}]"


def whose(said: Preferences) -> str:
    """Whose preferences: of the people asked, of the whole population, or of a model."""
    if said.model is None:
        return "votes" if said.of == "votes" else "whole population"
    return model_name(said.model)


def model_name(name: str) -> str:
    """A model's name where votes, ratings and the whole population stand beside it."""
    return f"model {name}" if name in ("votes", "ratings", "whole population") else name


def summary(chapter: Chapter) -> list[str]:
    """What the chapter says, in a few sentences."""
    if chapter.policies:
        return [_gain(run) for run in chapter.policies]
    if chapter.crowd is not None:
        return _of_people(chapter.crowd)
    said: list[str] = []
    seen = chapter.inspection
    if seen is None:
        return ["No held-out data were given, so only the training is shown; name some with --data."]
    said.append(
        f"{seen.groups:,} groups with {seen.comparisons:,} comparisons and {seen.ratings:,} ratings were held out."
    )
    cycles = seen.cyclic_share
    if cycles and cycles.p_value <= CERTAIN:
        said.append(
            f"The votes run in circles: {cycles.value:.0%} of the evidence within prompts fits no ranking "
            f"(noise alone would give {cycles.noise:.0%}), so one score per response cannot explain it."
        )
    if seen.camps and seen.camps.matter:
        said.append("The annotators form camps: they deviate from the common opinion together.")
    said += _accuracies(chapter)
    said += _distances(chapter)
    return said


def policy_name(policy: str) -> str:
    """How a policy of a run is called where others stand beside it."""
    return f"iteration {policy}" if policy.isdecimal() else policy


def _gain(run: PolicyRun) -> str:
    last = run.measured[-1]
    far = f"{last.divergence.value:.2g} nats away from where it began"
    if last.versus is None:
        return f"{run.name}: the last policy is {far}; without a judge, nothing is known of what it wins."
    rate, controlled = last.versus.win_rate, last.versus.length_controlled
    sure = "" if rate.low is None or rate.high is None else f" ({rate.low:.0%} to {rate.high:.0%})"
    return (
        f"{run.name}: the last policy wins {rate.value:.0%}{sure} against the one before alignment, "
        f"{controlled.value:.0%} at equal lengths, and is {far}."
    )


def _of_people(crowd: Crowd) -> list[str]:
    several = len(crowd.clusters)
    formed = f"form {several} clusters" if several > 1 else "are one cluster: no split of them foretells more"
    said = [f"{crowd.people:,} persons with {crowd.votes:,} votes {formed}."]
    (_, unknown), *_, (last, known) = crowd.by_votes.items()
    said.append(
        f"Of held-out votes {unknown.value:.0%} are foretold of somebody unknown, {known.value:.0%} from {last}."
    )
    return said


def _accuracies(chapter: Chapter) -> list[str]:
    found = {name: a.truth or a.pairwise for name, a in chapter.assessments.items()}
    values = {name: one.accuracy.value for name, one in found.items() if one is not None and one.accuracy is not None}
    if not values:
        return []
    known = all(chapter.assessments[name].truth for name in values)
    whom = "the whole population" if known else "the majority of the votes"
    ranked = sorted(values.items(), key=lambda entry: -entry[1])
    return [f"Sides with {whom}: {', '.join(f'{name} on {value:.0%} of the pairs' for name, value in ranked)}."]


def _distances(chapter: Chapter) -> list[str]:
    found = {}
    for name, a in chapter.assessments.items():
        if a.truth and a.truth.wasserstein:
            found[name] = (a.truth.wasserstein.value, "the true opinion of the population")
        elif a.crowd:
            found[name] = (a.crowd.wasserstein.value, "the ratings")
    return [
        f"The opinions that {name} predicts are {value:.2f} labels from {what}."
        for name, (value, what) in found.items()
    ]


def data_caption(seen: Inspection) -> str:
    """What to see in the figures of the data."""
    parts = []
    if sum(seen.votes.majority_shares):
        parts.append("Majorities near 50% mean that people disagree, near 100% that they agree.")
    if seen.cyclic_share:
        parts.append("A cyclic share above the noise means that preferences run in circles.")
    if seen.sources is not None:
        parts.append("Arrows lead from the source that a majority prefers to the one it beats.")
    return " ".join(parts) or "How often each label was given."


def side_by_side_caption(truth: bool, crowd: bool) -> str:
    """What to see in the figures of the models."""
    parts = ["Dots are what was measured, lines the 95 % interval; further right is better, 50% is a coin."]
    if truth:
        parts.append("The whole population is known, since these people are simulated.")
    if crowd:
        parts.append("For the distance to what people said, further left is better.")
    return " ".join(parts)


def opinion_caption(truth: bool) -> str:
    """What to see in the opinions of one prompt."""
    rings = " and the rings (the whole population)" if truth else ""
    return f"Bars show the ratings; a model is good if its line follows the bars{rings}, two peaks included."


def people_caption(minimum: float) -> str:
    """What to see in the accuracy by annotator."""
    return (
        f"Each dot is a person with at least {minimum:g} votes: a model that serves everybody has its dots close "
        "together, one that has learned a single camp leaves the others behind."
    )
