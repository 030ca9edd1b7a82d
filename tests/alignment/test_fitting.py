"""Fitting a language model: what a method sees of samples, gradients, and the equilibrium of a known game."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from polypref import Group
from polypref.alignment.config import FitConfig, make_alignment_config
from polypref.alignment.fitting import FitFailed, _backward, fit, inputs_of, log_probs_of, look_at, mean_step
from polypref.alignment.methods import make_method
from polypref.alignment.recipe import align
from polypref.alignment.samples import Samples, load_samples
from polypref.choice import equilibrium
from polypref.evaluation.prediction import Prediction
from polypref.groups.writing import save_groups
from polypref.models.causal import LanguageModel

LOG_ODDS = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])


def sampled(**log_probs: tuple[float, ...]) -> Samples:
    tokens = ((40, 41, 42), (50, 51), (60, 61, 62, 63))
    return Samples(Group("What?", ("a", "b", "c")), tokens, ("end", "end", "length"), log_probs, log_odds=LOG_ODDS)


def test_what_a_method_sees_by_hand() -> None:
    one = sampled(**{"1": (-1.0, -2.0, -3.0), "before": (-2.0, -2.0, -2.0)})
    look = look_at(one, make_method("gpo"), ["1", "before"], "before", 2)
    assert look.opponents.tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert look.weight.tolist() == pytest.approx([1 / 3] * 3)
    assert look.reference.tolist() == [-2, -2, -2]
    assert look.length.tolist() == [3, 2, 4]
    mixed = look_at(one, make_method("mnpo", past=(0.5, 0.5)), ["1", "before"], "before", 2)
    factors = 0.5 + 0.5 * np.exp([-1.0, 0.0, 1.0])  # of the policy before: e^(before − last)
    assert mixed.opponents[0].tolist() == pytest.approx([0, *(factors[1:] / factors[1:].sum())])


def test_a_group_in_several_passes_has_the_same_gradients(tiny_lm) -> None:
    model = LanguageModel.from_pretrained(tiny_lm, max_length=64)
    one = sampled(before=(-9.0, -8.0, -7.0))
    regression = make_method("sppo", beta=0.1).regression(look_at(one, make_method("sppo"), ["before"], "before", 1))
    found = []
    for budget in (10_000, 8):
        model.zero_grad()
        loss, _ = _backward(model, model.packs([inputs_of(model, one, 4)], budget), regression, 0.5)
        found.append((loss, [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    (loss, gradients), (other, others) = found
    assert loss == pytest.approx(other, rel=1e-5)
    assert len(gradients) == len(others) > 0
    for mine, theirs in zip(gradients, others):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_log_probabilities_are_those_of_one_sequence_at_a_time(tiny_lm) -> None:
    model = LanguageModel.from_pretrained(tiny_lm, max_length=64)
    one = sampled()
    (found,) = log_probs_of(model, [one], 10_000, 4)
    prompt = model.prompt_tokens("What?", 4).tolist()
    with model.ordinary() as plain, torch.no_grad():
        for total, tokens in zip(found, one.tokens):
            logs = plain(torch.tensor([[*prompt, *tokens]])).logits[0].log_softmax(-1)
            expected = sum(logs[len(prompt) - 1 + at, token] for at, token in enumerate(tokens))
            assert float(total) == pytest.approx(float(expected), abs=1e-3)


def test_a_loss_that_is_no_number_ends_the_fit(tiny_lm) -> None:
    model = LanguageModel.from_pretrained(tiny_lm, max_length=64)
    one = sampled(before=(float("nan"), -8.0, -7.0))
    with pytest.raises(FitFailed, match=r"the loss became nan at step 1 of the fit"):
        fit(model, make_method("sppo"), [one], ["before"], "before", 1, FitConfig(), 8)


def test_where_all_targets_are_nothing_nothing_is_said_of_achieving_them(tiny_lm) -> None:
    model = LanguageModel.from_pretrained(tiny_lm, max_length=64)
    even = Samples(**{**vars(sampled(before=(-9.0, -8.0, -7.0))), "log_odds": np.zeros((3, 3))})
    told = mean_step(fit(model, make_method("inpo"), [even], ["before"], "before", 1, FitConfig(), 8))
    assert told["target"] == 0
    assert told["achieved"] is None


def kind_of(text: str) -> int:
    """Answers are of three kinds, by their first character."""
    return ord(text[0]) % 3


class Cyclic:
    """Prefers the kinds in a skewed cycle."""

    def encode(self, groups) -> Iterator[tuple[Group, Prediction]]:
        for group in groups:
            at = [kind_of(text) for text in group.responses]
            yield group, Prediction(log_odds=LOG_ODDS[np.ix_(at, at)])


@pytest.mark.slow
def test_a_language_model_in_a_known_game_ends_where_the_method_leads(tiny_lm, tmp_path) -> None:
    """On answers of one token: INPO settles at the equilibrium near the reference, SPPO goes past it."""
    save_groups([Group(f"Question {at}?", ("any",)) for at in range(16)], tmp_path / "prompts.jsonl")
    paths = {}
    for method, settings in (("inpo", {"beta": 0.2, "step": 0.5}), ("sppo", {"beta": 0.4})):
        out = tmp_path / method
        given = {
            "policy": tiny_lm,
            "guide": "handed over",
            "prompts": str(tmp_path / "prompts.jsonl"),
            "method": method,
            "method_settings": settings,
            "iterations": 6,
            "sampling": {"count": 32, "max_tokens": 1, "prompts_per_batch": 16},
            "fit": {"learning_rate": 1e-2, "batch_size": 4, "epochs": 4},
            "eval_share": 0.25,
            "eval_count": 200,
            "max_length": 32,
            "out": str(out),
        }
        align(make_alignment_config(given), guide=Cyclic())
        paths[method] = [shares(out / f"iteration-{at}" / "held-out.jsonl") for at in range(7)]
    margins = 1 / (1 + np.exp(-LOG_ODDS)) - 0.5
    goal = equilibrium(margins, reference=paths["inpo"][0], beta=0.2)
    distances = {name: [float(np.abs(one - goal).sum() / 2) for one in path] for name, path in paths.items()}
    assert distances["inpo"][0] > 0.2
    assert max(distances["inpo"][-2:]) < 0.1
    assert distances["sppo"][-1] > 0.3


def shares(path) -> np.ndarray:
    texts = [text for one in load_samples(path) for text in one.group.responses if text != "(no answer)"]
    counts = np.bincount([kind_of(text) for text in texts], minlength=3)
    return counts / counts.sum()


def test_a_prompt_is_read_as_it_was_when_samples_were_drawn(tiny_lm) -> None:
    """However short the answers turned out: cut for the longest that they might have been."""
    model = LanguageModel.from_pretrained(tiny_lm, max_length=24)
    one = Samples(Group("What is the answer? " * 9, ("a", "b")), ((40,), (50, 51)), ("end", "end"))
    drawn_behind = model.prompt_tokens(one.group.prompt, 12).tolist()
    assert all(item.tokens[: item.boundary].tolist() == drawn_behind for item in inputs_of(model, one, 12))
