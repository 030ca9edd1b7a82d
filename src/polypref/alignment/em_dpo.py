"""EM-DPO: several policies for people of several tastes, who belongs to which, and one that nobody regrets much.

γ_uk ∝ η_k·Π_v Pr_k(ranking v of person u), with utilities β·log π_k/π_ref; η is the mean of γ; π_k is DPO on rankings
that count γ (arXiv 2510.15716). Each person's rankings must tell more than one comparison does: of single pairs all
that is seen is the mean over people of each pair's probability, which different mixtures share; rankings of three or
more tell them apart. Tables are fitted exactly; language models by the regression of every other method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polypref.alignment.config import FitConfig
from polypref.alignment.fitting import fit_regressions, log_probs_of
from polypref.alignment.rankings import Ranked, Rankings, log_likelihood
from polypref.alignment.samples import Samples
from polypref.alignment.sampling import Ending
from polypref.choice import least_regret
from polypref.errors import DataError
from polypref.groups.model import Group
from polypref.models.causal import LanguageModel

Floats = npt.NDArray[np.float64]

SETTLED = 1e-7  # growth of the log-likelihood per ranking at which EM on tables ends


class Policies(Protocol):
    """K policies that learn from the same rankings, each as much of a ranking as it is its own."""

    beta: float

    def log_ratios(self) -> Tensor:
        """log π_k/π_ref of the responses [K, G, R]; what stands behind a group's last response is not looked at."""

    def fit(self, share: Tensor) -> None:
        """Learn from rankings that count `share` [K, G, n]."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Who belongs to which of K policies, and how many there are of each."""

    sizes: Tensor  # [K], η
    members: Tensor  # [people, K], γ
    log_likelihood: Tensor  # [rounds], of the rankings under the policies of each round before they learned more

    @property
    def labels(self) -> Tensor:
        """The likeliest policy of each person [people]."""
        return self.members.argmax(1)


def expected_members(log_ratios: Tensor, rankings: Rankings, sizes: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """The E-step: γ [people, K] and the log-likelihood of all rankings, for log-ratios [K, G, R] of K policies."""
    said = rankings.by_person(log_likelihood(beta * log_ratios, rankings.order))  # [K, people]
    joint = (said + sizes.log()[:, None]).T
    return joint.softmax(1), joint.logsumexp(1).sum()


def em_dpo(policies: Policies, rankings: Rankings, members: Tensor, rounds: int) -> Mixture:
    """Fit policies and find out who belongs to which, in turns, from a first guess of γ [people, K].

    Ends early once the log-likelihood grows by less than a ten-millionth of a nat per ranking.
    """
    if members.ndim != 2 or len(members) != len(rankings.names):
        raise DataError(f"expected shares [{len(rankings.names)} persons, K], got the shape {list(members.shape)}")
    if rounds < 1:
        raise DataError(f"expected at least one round, got {rounds}")
    path: list[Tensor] = []
    for _ in range(rounds):
        sizes = members.mean(0)
        policies.fit(rankings.of_persons(members.T))
        members, value = expected_members(policies.log_ratios(), rankings, sizes, policies.beta)
        path.append(value)
        if len(path) > 1 and path[-1] - path[-2] < SETTLED * int(rankings.given.sum()):
            break
    return Mixture(members.mean(0), members, torch.stack(path))


class TablePolicies:
    """Policies that are tables over the R responses of each group, fitted exactly."""

    def __init__(self, rankings: Rankings, reference: Tensor, beta: float) -> None:
        """`reference` is log π_ref [G, R], −∞ where a group has no such response."""
        if not 0 < beta < float("inf"):
            raise DataError(f"expected a beta above 0, got {beta}")
        if reference.ndim != 2 or len(reference) != len(rankings.order):
            raise DataError(f"expected a reference [{len(rankings.order)} groups, R], got {list(reference.shape)}")
        if int(rankings.order.max()) >= reference.shape[1]:
            raise DataError(
                f"a ranking names response {int(rankings.order.max())}, and the reference has {reference.shape[1]}"
            )
        self.rankings = rankings
        self.reference = reference.double().log_softmax(-1)
        self.beta = beta
        self.log_policies = self.reference[None]  # [K, G, R]

    def log_ratios(self) -> Tensor:
        return (self.log_policies - self.reference).nan_to_num()

    def fit(self, share: Tensor) -> None:
        shape = (*share.shape[:2], self.reference.shape[1])
        self.log_policies = Ranked(
            anchor=self.reference.expand(shape),
            target=torch.zeros(shape),
            weight=torch.full(shape, 1 / shape[-1]),
            beta=self.beta,
            order=self.rankings.order.expand(len(share), -1, -1, -1),
            share=share.double(),
        ).solution()


def solve_rankings(
    rankings: Rankings,
    reference: Tensor,
    clusters: int,
    *,
    beta: float = 1.0,
    rounds: int = 300,
    restarts: int = 8,
    seed: int = 0,
) -> tuple[Mixture, TablePolicies]:
    """Tables for `clusters` kinds of people, the likeliest of some starts, largest first; `reference` is log [G, R]."""
    if not 1 <= clusters <= len(rankings.names) or restarts < 1:
        raise DataError(f"expected 1 to {len(rankings.names)} clusters and at least one start, got {clusters}")
    found = []
    for at in range(restarts if clusters > 1 else 1):
        policies = TablePolicies(rankings, reference, beta)
        guess = np.random.default_rng([seed, at]).dirichlet(np.ones(clusters), len(rankings.names))
        found.append((em_dpo(policies, rankings, torch.from_numpy(guess), rounds), policies))
    mixture, policies = max(found, key=lambda one: float(one[0].log_likelihood[-1]))
    order = mixture.sizes.argsort(descending=True, stable=True)
    policies.log_policies = policies.log_policies[order]
    return Mixture(mixture.sizes[order], mixture.members[:, order], mixture.log_likelihood), policies


class LanguagePolicies:
    """Language models, all equal at first, that learn from the responses of groups."""

    def __init__(
        self,
        models: Sequence[LanguageModel],
        groups: Sequence[Group],
        rankings: Rankings,
        beta: float = 0.1,
        settings: FitConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.models, self.beta, self.seed = models, beta, seed
        self.rankings = rankings
        self.settings = settings or FitConfig()
        self.samples = [_written(models[0], group) for group in groups]
        self.room = max(len(tokens) for one in self.samples for tokens in one.tokens)
        self.reference = self._log_probs(models[0])

    def log_ratios(self) -> Tensor:
        ratios = [
            torch.nn.utils.rnn.pad_sequence(
                [own - ref for own, ref in zip(self._log_probs(model), self.reference)], True
            )
            for model in self.models
        ]
        return torch.stack(ratios)

    def fit(self, share: Tensor) -> None:
        for model, own in zip(self.models, share):
            mean = float(own.sum()) / len(own)  # so that a small cluster learns as fast as a large one
            regressions = [
                Ranked(
                    anchor=anchor,
                    target=torch.zeros_like(anchor),
                    weight=torch.full_like(anchor, 1 / len(anchor)),
                    beta=self.beta,
                    order=order,
                    share=counts.double() / max(mean, 1e-12),
                )
                for anchor, order, counts in zip(self.reference, self.rankings.order, own)
            ]
            fit_regressions(model, self.samples, regressions, self.settings, self.room, self.seed)

    def _log_probs(self, model: LanguageModel) -> list[Tensor]:
        return log_probs_of(model, self.samples, self.settings.tokens_per_pass * 4, self.room)


def _written(model: LanguageModel, group: Group) -> Samples:
    """The responses of a group as if the model had emitted them."""
    tokens = tuple(tuple(item.tokens[item.boundary :].tolist()) for item in model.tokenize(group))
    ended: list[Ending] = ["end"] * len(tokens)
    return Samples(group, tokens, tuple(ended))


def policy_regrets(log_policies: Tensor, reference: Tensor) -> Floats:
    """R_ks = E_{π_k} log π_k/π_ref − E_{π_s} log π_k/π_ref [K, K], in nats, mean over groups.

    What people of policy k lose by answers of policy s; for tables [K, G, R] and log π_ref [G, R], exactly.
    """
    ratios = (log_policies - reference).nan_to_num()
    won = torch.einsum("sgr,kgr->ks", log_policies.exp(), ratios) / log_policies.shape[1]
    return np.asarray((won.diagonal()[:, None] - won).double().numpy(), dtype=np.float64)


def sampled_regrets(log_ratios: npt.ArrayLike) -> Floats:
    """The same of language models [K, K], from log π_k/π_ref [K, S, n] of n answers that each policy s gave."""
    ratios = np.asarray(log_ratios, dtype=np.float64)
    if ratios.ndim != 3 or ratios.shape[0] != ratios.shape[1]:
        raise DataError(f"expected log-ratios [K, K, n] of n answers of each policy, got the shape {ratios.shape}")
    won = ratios.mean(axis=2)
    return won.diagonal()[:, None] - won


def fair_policy(log_policies: Tensor, reference: Tensor) -> tuple[Floats, Tensor]:
    """How often each of K tables [K, G, R] should answer so that those who regret most regret least, and what comes.

    Of language models the shares [K] are `least_regret(sampled_regrets(…))`: draw the model, then its answer.
    """
    shares, _ = least_regret(policy_regrets(log_policies, reference))
    return shares, torch.einsum("k,kgr->gr", torch.from_numpy(shares).to(log_policies), log_policies.exp())
