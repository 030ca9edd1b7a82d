"""Who differs from whom: votes of named people, personal and clustered tastes, and one answer for all of them."""

from polypref.choice import least_regret
from polypref.people.aggregation import (
    aggregate,
    clarke_payments,
    median,
    pool_opinions,
    regrets,
    truthful_opinion,
)
from polypref.people.clusters import Choice, Clusters, choose_clusters, fit_clusters
from polypref.people.tastes import Persons, Tastes, fit_tastes
from polypref.people.votes import SpellingWarning, Votes, read_votes, votes_of

__all__ = [
    "Choice",
    "Clusters",
    "Persons",
    "SpellingWarning",
    "Tastes",
    "Votes",
    "aggregate",
    "choose_clusters",
    "clarke_payments",
    "fit_clusters",
    "fit_tastes",
    "least_regret",
    "median",
    "pool_opinions",
    "read_votes",
    "regrets",
    "truthful_opinion",
    "votes_of",
]
