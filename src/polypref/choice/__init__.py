"""What a K×K preference matrix means: utilities, cycles, winners, rankings and the best mixture of responses."""

from polypref.choice.bradley_terry import BradleyTerry, fit_bradley_terry
from polypref.choice.cycles import Cycle, strongest_cycles
from polypref.choice.games import check_game, duality_gap, duality_gaps, equilibrium, exploitability, least_regret
from polypref.choice.hodge import CyclicShare, Hodge, cyclic_share, hodge_decomposition, observed_log_odds
from polypref.choice.kemeny import Kemeny, kemeny_ranking
from polypref.choice.lottery import maximal_lottery
from polypref.choice.matrix import (
    check_preferences,
    components,
    is_connected,
    preference_matrix,
    require_complete,
    require_connected,
)
from polypref.choice.rank import Rule, rank
from polypref.choice.winners import borda_scores, condorcet_winner, copeland_scores, smith_set

__all__ = [
    "BradleyTerry",
    "Cycle",
    "CyclicShare",
    "Hodge",
    "Kemeny",
    "Rule",
    "borda_scores",
    "check_game",
    "check_preferences",
    "components",
    "condorcet_winner",
    "copeland_scores",
    "cyclic_share",
    "duality_gap",
    "duality_gaps",
    "equilibrium",
    "exploitability",
    "fit_bradley_terry",
    "hodge_decomposition",
    "is_connected",
    "kemeny_ranking",
    "least_regret",
    "maximal_lottery",
    "observed_log_odds",
    "preference_matrix",
    "rank",
    "require_complete",
    "require_connected",
    "smith_set",
    "strongest_cycles",
]
