"""Simulated people: utilities linear in features, one vote a pair, and labels that are flipped on purpose."""

import numpy as np
from scipy.special import expit

from polypref import Comparison, Group


def judged_pairs(count, flips, *, width=8, strength=4.0, votes=1, seed=0):
    """Groups of two, their features, and which labels were flipped; all votes of a pair are flipped together."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=width)
    taste *= strength / np.linalg.norm(taste)
    groups, features, flipped = [], [], rng.random(count) < flips
    for at in range(count):
        seen = rng.normal(size=(2, width))
        likes = rng.random(votes) < expit((seen[0] - seen[1]) @ taste)
        said = [Comparison(0, 1, float(like != flipped[at]), annotator=f"p{k}") for k, like in enumerate(likes)]
        groups.append(Group(f"question {at}", ["one", "other"], said))
        features.append(seen)
    return groups, features, flipped


def area_under_curve(score, positive):
    """The chance that one of the positive has a higher score than one of the others; ties count half."""
    above = np.subtract.outer(np.asarray(score)[positive], np.asarray(score)[~positive])
    return float(np.mean((above > 0) + 0.5 * (above == 0)))
