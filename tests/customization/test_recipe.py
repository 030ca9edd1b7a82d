"""Customisation as a whole: what is made, what is not made again, what is refused, and what enrichment is for."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from polypref import PreferenceModel, customize, make_customize_config, save_groups
from polypref.customization import stages, tradeoff
from polypref.customization.data import load_data
from polypref.customization.tradeoff import recommended
from polypref.errors import PolyprefError
from polypref.models.heads import make_head
from polypref.training.progress import Report
from tests.customization.conftest import DOMAIN_TASTE, tasteful
from tests.tolerance import near
from tests.training.conftest import weights_of

FRESH = tasteful(10, DOMAIN_TASTE, "red", seed=77)


class Lines(Report):
    """Remembers what it was told."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


@pytest.fixture
def customized(settings):
    """A finished customisation: `customized(domains={"enrichment": 0.5})`."""
    return lambda **changes: customize(make_customize_config(settings(**changes)))


def test_the_folder_holds_a_general_model_and_the_recommended_one_of_each_domain(customized, files, tmp_path):
    found = customized(domains={"data": files["domains"], "interpolation": [0.5]}, general={"training": {"epochs": 2}})
    out = tmp_path / "out"
    assert found.out == out
    assert list(found.domains) == ["academy", "business"]
    for name, measured in found.domains.items():
        folder = out / "domains" / name
        kept = {path.name for path in folder.iterdir()}
        assert kept >= {"config.json", "training.json", "history.json", "tradeoff.json", "curves.png", "frontier.png"}
        assert not (folder / "run").exists()
        steps = {"academy": [0, 2, 4], "business": [0, 2, 3]}  # every second and the last
        assert [point.step for point in measured.points if point.alpha is None] == steps[name]
        assert [point.alpha for point in measured.points] == [None, None, None, 0.5]
        assert measured.recommended == recommended(measured.points, 1.0)
        model = PreferenceModel.from_pretrained(out, domain=name)
        assert model.preferences(FRESH[0]).shape == (2, 2)
    assert json.loads((out / "customize.json").read_text())["domains"]["interpolation"] == [0.5]


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
        for module in (tradeoff, stages):
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


def test_finished_parts_are_not_made_again(customized, settings, tmp_path):
    first = customized()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    lines = Lines()
    again = customize(make_customize_config(settings()), lines)
    assert again == first
    assert lines.lines == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")} == stamps


def test_other_settings_are_refused_in_a_folder_that_is_begun(customized, settings):
    customized(domains=None)
    with pytest.raises(PolyprefError, match="was made with other settings for general, seed"):
        customized(domains=None, seed=4, general={"eval_share": 0.3})


def test_what_no_stage_has_used_may_change(quick, monkeypatch):
    """A stage that fails before it has saved anything binds nobody; what a finished one used stays."""
    real = stages.train

    def fail(config, *others):
        raise PolyprefError("out of memory")

    monkeypatch.setattr(stages, "train", fail)
    with pytest.raises(PolyprefError, match="out of memory"):
        quick(training={"batch_size": 16})
    monkeypatch.setattr(
        stages, "train", lambda config, *others: (real if "general" in config.out else fail)(config, *others)
    )
    with pytest.raises(PolyprefError, match="out of memory"):
        quick(training={"batch_size": 8}, domains={"enrichment": 0.5})
    monkeypatch.setattr(stages, "train", real)
    with pytest.raises(PolyprefError, match="was made with other settings for training"):
        quick(training={"batch_size": 4}, domains={"enrichment": 0.3})
    quick(training={"batch_size": 8}, domains={"enrichment": 0.3})
    with pytest.raises(PolyprefError, match=r"was made with other settings for domains\.enrichment"):
        quick(training={"batch_size": 8}, domains={"enrichment": 0.5})


def test_a_domain_can_be_added(quick, settings, files):
    first = quick().domains["academy"]
    both = {name: files[name] for name in ("academy", "business")}
    found = quick(domains={"data": both}).domains
    assert (list(found), found["academy"]) == (["academy", "business"], first)
    assert quick().domains == {"academy": first}
    with pytest.raises(PolyprefError, match="other data than there are now for the general set helpful"):
        customize(make_customize_config(settings(general={"training": {"max_steps": 1}}, domains=None)))


def test_domains_can_be_added_to_a_finished_general_model(quick, customized, tmp_path):
    """So much of the general sets is set aside as the domains will choose by, unless they choose by another share."""
    customized(general={"training": {"max_steps": 1}}, domains=None)
    stamp = (tmp_path / "out" / "general" / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(PolyprefError, match=r"the general set helpful, .*split alike \(eval_share, choose_share"):
        quick(domains={"choose_share": 0.5})
    assert list(quick(domains={"choose_share": 0.1}).domains) == ["academy"]
    assert (tmp_path / "out" / "general" / "model.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("start", ["model", "skip"])
def test_general_sets_that_nothing_was_trained_on_may_be_split_otherwise(customized, encoder, tmp_path, start):
    PreferenceModel.from_backbone(encoder, max_length=64).save_pretrained(tmp_path / "mine")
    general = {"model": str(tmp_path / "mine")} if start == "model" else {"skip": True}
    customized(general=general, domains=None)
    customized(general=general, domains={"choose_share": 0.5})
    with pytest.raises(PolyprefError, match="the general set helpful"):
        customized(general=general, domains=None)


def test_data_of_a_domain_that_has_made_nothing_can_be_corrected(quick, files, tmp_path, monkeypatch):
    first = quick().domains["academy"]
    own = tmp_path / "business.jsonl"
    save_groups(tasteful(30, ("blue", "red"), seed=6), own)
    both = {"data": {"academy": files["academy"], "business": str(own)}}
    with monkeypatch.context() as patched:
        patched.setattr(stages, "train", None)
        with pytest.raises(TypeError):
            quick(domains=copy.deepcopy(both))
    own.write_bytes(Path(files["business"]).read_bytes())
    assert quick(domains=copy.deepcopy(both)).domains["academy"] == first
    save_groups(tasteful(30, ("blue", "red"), seed=6), own)
    with pytest.raises(PolyprefError, match="other data than there are now for the domain business"):
        quick(domains=both)


def test_how_models_are_loaded_binds_stage_1_too(customized, tmp_path):
    (tmp_path / "out" / "instruction" / "run" / "checkpoint-1").mkdir(parents=True)
    customized(training={"dtype": "float32"}, domains=None)
    (tmp_path / "out" / "instruction" / "run" / "checkpoint-1" / "complete").touch()
    shutil.rmtree(tmp_path / "out" / "general")
    with pytest.raises(PolyprefError, match=r"other settings for training\.dtype \("):
        customized(training={"dtype": "bfloat16"}, domains=None)


def test_without_stage_2_domains_start_from_the_base_model(quick, tmp_path):
    found = quick(general={"skip": True, "training": {"best_metric": "accuracy"}}).domains["academy"]
    assert not (tmp_path / "out" / "general" / "history.json").exists()
    assert found.points[-1].step == 2


def test_a_checkpoint_that_may_know_its_test_set_is_named(settings, files, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, max_length=64).save_pretrained(tmp_path / "mine")
    said = "is measured on a share of helpful; if it was trained on that"
    for tests, warned in (
        ({"harmless": files["test"]}, True),
        (dict.fromkeys(("helpful", "harmless"), files["test"]), False),
    ):
        report = Lines()
        made = settings(general={"model": str(tmp_path / "mine"), "eval_data": tests}, domains=None)
        customize(make_customize_config({**made, "out": str(tmp_path / str(warned))}), report)
        assert any(said in line for line in report.lines) == warned


def test_a_folder_that_is_a_model_is_refused(customized, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("{}")
    with pytest.raises(PolyprefError, match="already holds a model"):
        customized()


def test_a_file_in_the_place_of_the_folder_gets_one_sentence(customized, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(PolyprefError, match=r"cannot write .*data\.json: "):
        customized()


def test_other_data_under_the_same_name_are_refused(quick, files, tmp_path):
    names = {name: tmp_path / f"{name}.jsonl" for name in ("helpful", "harmless", "academy")}
    for name, path in names.items():
        path.write_bytes(Path(files[name]).read_bytes())
    known = {
        "general": {"data": {name: str(names[name]) for name in ("helpful", "harmless")}},
        "domains": {"data": {"academy": str(names["academy"])}},
    }
    first = quick(**copy.deepcopy(known))
    for name, what in (("harmless", "the general set harmless"), ("academy", "the domain academy")):
        save_groups(tasteful(40, DOMAIN_TASTE, "red", seed=5), names[name])
        with pytest.raises(PolyprefError, match=f"was made of other data than there are now for {what}; go on with"):
            quick(**copy.deepcopy(known))
        names[name].write_bytes(Path(files[name]).read_bytes())
    assert quick(**copy.deepcopy(known)) == first


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
        "saved": "polypref.training.trainer.mark_complete",
        "figures": "polypref.customization.stages.write_figures",
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


def test_a_general_model_may_be_there_already(customized, files, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, "general", dim=4).save_pretrained(tmp_path / "mine")
    known = {"data": {"helpful": files["helpful"]}, "eval_share": 0.2}
    customized(general={**known, "model": str(tmp_path / "mine")})
    torch.testing.assert_close(weights_of(tmp_path / "out" / "general"), weights_of(tmp_path / "mine"))
    domain = PreferenceModel.from_pretrained(tmp_path / "out", domain="academy")
    assert (domain.head.name, domain.head.width) == ("general", 4)  # as the general model has it


def test_a_missing_checkpoint_gets_one_sentence(customized, tmp_path):
    with pytest.raises(PolyprefError, match=r"there is no checkpoint '.*/gone', which general\.model names"):
        customized(general={"model": str(tmp_path / "gone")})


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


def test_frozen_backbones_are_customised_in_their_last_layer(customized, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    frozen = {"frozen": True, "learning_rate": 0.05, "batch_size": 8, "max_length": 64}
    customized(training=frozen, domains={"interpolation": [0.5], "enrichment": 0.3, "distillation": 0.5})
    general, domain = (weights_of(Path(tmp_path / "out" / place)) for place in ("general", "domains/academy"))
    changed = {name for name in general if not torch.equal(general[name], domain[name])}
    assert changed <= {"classifier.weight", "classifier.bias"}


@pytest.mark.slow
def test_enrichment_keeps_what_plain_customisation_forgets(settings):
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


@pytest.fixture
def quick(customized):
    """The same with a step in stage 2 and two in stage 3."""

    def made(general=None, domains=None, **changes):
        general = {"training": {"max_steps": 1}, **(general or {})}
        domains = {"training": {"max_steps": 2, **(domains or {}).pop("training", {})}, **(domains or {})}
        return customized(general=general, domains=domains, **changes)

    return made


def test_imitation_finds_a_head_that_is_not_tied_to_the_embeddings(quick, decoder, tmp_path):
    config = AutoConfig.from_pretrained(decoder, tie_word_embeddings=False)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "speaker")
    AutoTokenizer.from_pretrained(decoder).save_pretrained(tmp_path / "speaker")
    quick(backbone=str(tmp_path / "speaker"), domains={"imitation": 0.1})
    history = json.loads((tmp_path / "out" / "domains" / "academy" / "history.json").read_text())
    assert any("imitation" in name for entry in history for name in entry)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"domains": {"imitation": 0.1}}, "imitation needs a decoder"),
        (
            {"training": {"frozen": True, "max_length": 64}, "sweep": {"lora": [None, 2]}},
            "frozen trains the last layer",
        ),
        ({"training": {"head": "gaussian"}, "domains": {"training": {"objective": "logistic"}}}, "not gaussian"),
        ({"sweep": {"distillation": [0, 1]}, "domains": {"training": {"objective": "log-odds"}}}, "distillation adds"),
        ({"general": {"model": "./gone"}}, "there is no checkpoint './gone', which general.model names"),
        ({"domains": {"interpolation": [0.5], "training": {"head": "gaussian"}}}, "no models between"),
        ({"general": {"training": {"best_metric": "fun"}}}, "unknown best_metric 'fun'"),
        ({"general": {"training": {"imitation": 0.1}}}, "imitation needs a decoder"),
    ],
)
def test_what_cannot_go_on_to_the_end_is_refused_before_anything_is_made(customized, tmp_path, changes, said):
    with pytest.raises(PolyprefError, match=said) as error:
        customized(**changes)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_several_processes_are_refused(customized, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(PolyprefError, match="customize runs in one process"):
        customized()


def test_a_cluster_without_a_sweep_is_refused(settings):
    with pytest.raises(PolyprefError, match="and there is none: add sweep"):
        customize(make_customize_config(settings()), ray="local")


def test_a_domain_has_the_settings_of_the_general_head_beneath_its_own(settings):
    general = make_head("general", dim=4, temperature=0.5)
    made = make_customize_config(settings(domains={"training": {"head": "general", "head_settings": {"dim": 8}}}))
    assert stages.stage_3_run(made, general, "").head_settings == {**general.settings(), "dim": 8}
    made = make_customize_config(settings())
    run = stages.stage_3_run(made, general, "")
    assert make_head(run.head, **run.head_settings) == general
    between = {"training": {"head": "general", "head_settings": {"dim": 8}}, "interpolation": [0.5]}
    with pytest.raises(PolyprefError, match="no models between"):
        stages.stage_3_run(make_customize_config(settings(domains=between)), general, "")


def test_the_general_model_is_read_as_the_stage_reads_it(settings, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, max_length=32).save_pretrained(tmp_path / "out" / "general")
    made = make_customize_config(settings(domains={"training": {"max_length": 48, "dtype": "bfloat16"}}))
    run = stages.stage_3_run(made, make_head("scalar"), "")
    general = stages.load_general(made, run)
    assert (general.inputs.max_length, general.encoder.classifier.dtype) == (48, torch.bfloat16)
