"""How likely vanilla transformers says that responses are, one row at a time, and its gradients."""

from __future__ import annotations

import pytest
import torch
from tests.models.conftest import ARCHITECTURES
from tests.models.test_causal import SAME, vanilla
from tests.models.test_imitation import make_speaker
from tests.parity.test_vanilla_imitation import SPEAKERS
from transformers import AutoModelForCausalLM

from polypref.models.causal import LanguageModel, log_probabilities


@pytest.fixture
def granite(monkeypatch):
    """An architecture that scales its logits, so that only its own forward makes them."""
    sizes = {**ARCHITECTURES["llama"][1], "logits_scaling": 4.0}
    monkeypatch.setitem(ARCHITECTURES, "granite", ("GraniteConfig", sizes))
    return "granite", {}


@pytest.mark.parametrize("kind", [*SPEAKERS, "its own forward"])
@pytest.mark.parametrize("budget", [70, 10_000])
@pytest.mark.parametrize("ended", [True, False])
def test_values_and_gradients_are_those_of_vanilla_transformers(tmp_path, granite, kind, budget, ended):
    name, settings = {**SPEAKERS, "its own forward": granite}[kind]
    folder = make_speaker(tmp_path, name, **settings)
    model, lm = (
        LanguageModel.from_pretrained(folder, max_length=60),
        AutoModelForCausalLM.from_pretrained(folder).eval(),
    )
    assert model.reads_hidden == (kind != "its own forward")
    assert model.shares_prompts == (kind not in ("capped", "one by one", "recurrent", "its own forward"))
    inputs = [model.tokenize(group, ended) for group in SAME]
    items = [item for group in inputs for item in group]
    expected = vanilla(lm, items)
    found = log_probabilities(model, model.packs(inputs, budget))
    torch.testing.assert_close(found.total, expected, rtol=1e-4, atol=1e-3)
    assert found.tokens.tolist() == [len(item.answer) for item in items]
    weights = torch.linspace(-1, 1, len(items))
    (found.total * weights).sum().backward()
    (expected * weights).sum().backward()
    theirs = dict(lm.named_parameters())
    largest = max(float(parameter.grad.abs().max()) for parameter in theirs.values())
    for part, parameter in model.lm.named_parameters():
        scale = max(float(theirs[part].grad.abs().max()), 1e-3 * largest)  # of a gate with one expert, it is rounding
        torch.testing.assert_close(parameter.grad, theirs[part].grad, rtol=1e-3, atol=1e-3 * scale, msg=part)
