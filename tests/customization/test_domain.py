"""Stage 3: what is recommended, saved and measured, what a killed run goes on to, and what enrichment is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from polypref import PreferenceModel, customize, make_customize_config
from polypref.customization import domain as stage_3
from polypref.customization import tradeoff
from polypref.customization.data import load_data
from polypref.customization.domain import stage_3_run
from polypref.errors import PolyprefError
from polypref.models.heads import make_head
from polypref.training.progress import Report
from tests.customization.conftest import FRESH
from tests.tolerance import near
from tests.training.conftest import weights_of


@pytest.mark.parametrize("middle", [False, True])
def test_the_recommended_model_is_that_of_the_recommended_point(customized, settings, tmp_path, monkeypatch, middle):
    """The saved model has the weights of its step, and gets the test set as right as the report says."""
    seen = {}
    measure = tradeoff.TradeoffWatch._measure

    def remember(watch, state):
        weights = watch.model.encoder.classifier.state_dict()
        seen[state.global_step] = {name: tensor.clone() for name, tensor in weights.items()}
        measure(watch, state)

    monkeypatch.setattr(tradeoff.TradeoffWatch, "_measure", remember)
    if middle:
        for module in (tradeoff, stage_3):
            monkeypatch.setattr(module, "recommended", lambda points, _: points[min(1, len(points) - 1)])
    changes = {"training": {"epochs": 3}, "eval_share": 0.3}
    found = customized(domains=changes).domains["academy"]
    weights = weights_of(tmp_path / "out" / "domains" / "academy")
    step = found.recommended.step
    expected = seen[step] if step else weights_of(tmp_path / "out" / "general")
    torch.testing.assert_close(weights, {name: expected[name] for name in weights}, rtol=0, atol=0)
    if middle:
        assert step == 2 < max(seen)
        assert any(not torch.equal(weights[name], seen[max(seen)][name]) for name in weights)
    test = load_data(make_customize_config(settings(domains=changes)), Report()).domains["academy"].test
    model = PreferenceModel.from_pretrained(tmp_path / "out", domain="academy")
    assert found.after.domain.value == pytest.approx(np.mean([P[0, 1] > 0.5 for P in model.preferences(test)]))


def test_nothing_gained_means_the_general_model(customized, tmp_path):
    """With a loss allowed that no model stays below, the general one is saved."""
    found = customized(domains={"training": {"learning_rate": 1e-9}, "most_general_loss": 0.0}).domains["academy"]
    assert found.recommended.step == 0
    torch.testing.assert_close(
        weights_of(tmp_path / "out" / "domains" / "academy"), weights_of(tmp_path / "out" / "general"), rtol=0, atol=0
    )
    assert found.after.gained.value == found.after.lost.value == 0


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["measuring", "saved", "figures"])
def test_a_run_that_is_killed_goes_on_and_ends_alike(settings, tmp_path, monkeypatch, moment):
    whole = settings(domains={"training": {"epochs": 3}, "enrichment": 0.4, "interpolation": [0.5]})
    broken = {**whole, "out": str(tmp_path / "broken")}
    expected = customize(make_customize_config(whole)).domains["academy"]
    place = {
        "measuring": "polypref.customization.measuring.Yardstick.answers",
        "saved": "polypref.training.saving.mark_complete",
        "figures": "polypref.customization.domain.write_figures",
    }[moment]
    count = [0]

    def kill(*_):
        count[0] += 1
        if count[0] == {"measuring": 4, "saved": 3, "figures": 1}[moment]:
            raise Killed
        return real(*_)

    with monkeypatch.context() as patched:
        owner, _, name = place.rpartition(".")
        real = _found(owner, name)
        patched.setattr(place, kill)
        with pytest.raises(Killed):
            customize(make_customize_config(broken))
    found = customize(make_customize_config(broken)).domains["academy"]
    assert found == expected
    torch.testing.assert_close(
        weights_of(tmp_path / "broken" / "domains" / "academy"),
        weights_of(tmp_path / "out" / "domains" / "academy"),
        rtol=0,
        atol=0,
    )


def _found(owner, name):
    import importlib

    module, _, kind = owner.rpartition(".")
    try:
        return getattr(importlib.import_module(owner), name)
    except ModuleNotFoundError:
        return getattr(getattr(importlib.import_module(module), kind), name)


def test_with_lora_a_domain_is_an_adapter_on_the_general_model(customized, tmp_path):
    found = customized(
        domains={
            "training": {"lora": {"rank": 2, "alpha": 4}, "learning_rate": 5e-3, "epochs": 2},
            "interpolation": [0.5],
        }
    )
    folder = tmp_path / "out" / "domains" / "academy"
    assert (folder / "adapter_config.json").exists()
    assert not (folder / "model.safetensors").exists()
    (tmp_path / "out").rename(tmp_path / "moved")
    model = PreferenceModel.from_pretrained(tmp_path / "moved", domain="academy")
    assert model.domain == "academy"
    assert found.domains["academy"].points[-1].alpha == 0.5


def test_an_adapter_that_nothing_recommends_is_the_general_model(customized, tmp_path):
    lora = {"lora": {"rank": 2, "alpha": 4}, "learning_rate": 1e-9}
    assert customized(domains={"training": lora}).domains["academy"].recommended.step == 0
    expected = PreferenceModel.from_pretrained(tmp_path / "out" / "general").utilities(FRESH)
    found = PreferenceModel.from_pretrained(tmp_path / "out", domain="academy").utilities(FRESH)
    near(found, expected)


@pytest.mark.parametrize(("head", "alphas"), [("scalar", [0.25, 0.5, 0.75]), ("gaussian", [])])
def test_the_way_between_is_measured_unless_told_otherwise(quick, head, alphas):
    points = quick(domains={"interpolation": None, "training": {"head": head}}).domains["academy"].points
    assert [point.alpha for point in points if point.alpha is not None] == alphas


def test_interpolation_needs_one_head(customized):
    with pytest.raises(
        PolyprefError, match=r"no models between a general one with a scalar head .* and a customised one"
    ):
        customized(domains={"training": {"head": "gaussian"}, "interpolation": [0.5]})


def test_a_domain_may_have_another_head(customized, tmp_path):
    customized(domains={"training": {"head": "gaussian"}})
    assert (tmp_path / "out" / "domains" / "academy" / "tradeoff.json").exists()


def test_frozen_backbones_are_customized_in_their_last_layer(customized, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    frozen = {"frozen": True, "learning_rate": 0.05, "batch_size": 8, "max_length": 64}
    customized(training=frozen, domains={"interpolation": [0.5], "enrichment": 0.3, "distillation": 0.5})
    general, domain = (weights_of(Path(tmp_path / "out" / place)) for place in ("general", "domains/academy"))
    changed = {name for name in general if not torch.equal(general[name], domain[name])}
    assert changed <= {"classifier.weight", "classifier.bias"}


@pytest.mark.slow
def test_enrichment_keeps_what_plain_customization_forgets(settings):
    """The domain likes the opposite of what is liked in general, where the context is red."""
    general = {"training": {"epochs": 5}, "eval_share": 0.3}
    lost = {}
    for share in (0.0, 0.7):
        domains = {"training": {"epochs": 4, "learning_rate": 5e-4}, "enrichment": share, "eval_steps": 100}
        made = settings(general=general, domains=domains)
        found = customize(make_customize_config({**made, "out": f"{made['out']}-{share}"})).domains["academy"]
        lost[share] = found.last
    assert lost[0.0].gained.value > 0.3  # plain stage 3 learns the domain's taste
    assert lost[0.0].lost.value > lost[0.7].lost.value + 0.2


def test_a_domain_has_the_settings_of_the_general_head_beneath_its_own(settings):
    general = make_head("general", dim=4, temperature=0.5)
    made = make_customize_config(settings(domains={"training": {"head": "general", "head_settings": {"dim": 8}}}))
    assert stage_3_run(made, general, "").head_settings == {**general.settings(), "dim": 8}
    made = make_customize_config(settings())
    run = stage_3_run(made, general, "")
    assert make_head(run.head, **run.head_settings) == general
    between = {"training": {"head": "general", "head_settings": {"dim": 8}}, "interpolation": [0.5]}
    with pytest.raises(PolyprefError, match="no models between"):
        stage_3_run(make_customize_config(settings(domains=between)), general, "")
