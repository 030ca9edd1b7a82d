"""Distances between label distributions, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.evaluation.crowd_metrics import (
    entropy,
    jensen_shannon,
    mean_label_error,
    on_labels,
    total_variation,
    wasserstein_1,
)


def test_a_step_costs_its_length():
    p, q = np.array([[1.0, 0, 0]]), np.array([[0, 0.5, 0.5]])
    assert wasserstein_1(p, [1, 2, 4], q, [1, 2, 4]) == pytest.approx([0.5 * 1 + 0.5 * 3])
    assert mean_label_error(p, [1, 2, 4], q, [1, 2, 4]) == pytest.approx([2.0])


def test_a_wider_crowd_with_the_same_mean_is_at_a_distance():
    p, q = np.array([[0, 1.0, 0]]), np.array([[0.5, 0, 0.5]])
    assert wasserstein_1(p, [1, 2, 3], q, [1, 2, 3]) == pytest.approx([1.0])
    assert mean_label_error(p, [1, 2, 3], q, [1, 2, 3]) == pytest.approx([0.0])


def test_total_variation_and_divergence_by_hand():
    p, q = np.array([[1.0, 0, 0], [0.5, 0.5, 0]]), np.array([[0, 0, 1.0], [0.5, 0.25, 0.25]])
    assert total_variation(p, q) == pytest.approx([1.0, 0.25])
    assert jensen_shannon(p, q)[0] == pytest.approx(1.0)
    assert entropy(np.array([[0.25] * 4, [1.0, 0, 0, 0]])) == pytest.approx([2.0, 0.0])


def test_labels_are_matched_by_value():
    q = np.array([[0.25, 0.75]])
    assert on_labels([1, 2, 3], q, [3, 1]).tolist() == [[0.75, 0.0, 0.25]]
    assert on_labels([1, 2], q, [3, 1]) is None
