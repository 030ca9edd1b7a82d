"""Aligning a tiny language model: it learns what its guide likes, and goes on where it was killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from polypref import Group, PreferenceModel
from polypref.alignment.config import make_alignment_config
from polypref.alignment.fitting import log_probs_of
from polypref.alignment.methods import all_methods
from polypref.alignment.recipe import align
from polypref.alignment.run import AlignmentError
from polypref.alignment.samples import load_samples
from polypref.errors import PolyprefError
from polypref.evaluation.tournament import read_game
from polypref.groups.writing import save_groups
from polypref.models.causal import LanguageModel
from polypref.training.progress import Report
from tests.training.conftest import environment, make_backbone


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with prompts, a guide that is sure of something, and a judge that is sure of something else."""
    folder = tmp_path_factory.mktemp("align")
    save_groups([Group(f"Question {at}?", ("any",)) for at in range(24)], folder / "prompts.jsonl")
    backbone = make_backbone("llama", folder / "backbone", seed=9)
    for name, seed in (("guide", 1), ("judge", 2)):
        model = PreferenceModel.from_backbone(backbone, "general", dim=4, seed=seed)
        with torch.no_grad():
            model.encoder.state_layer.weight.mul_(3)
        model.save_pretrained(folder / name)
    return folder


@pytest.fixture
def settings(place, tiny_lm, tmp_path):
    """Settings of a short run: `settings(method="sppo")`."""

    def made(**changes):
        given = {
            "policy": tiny_lm,
            "guide": str(place / "guide"),
            "prompts": [str(place / "prompts.jsonl")],
            "method_settings": {"beta": 1.0},
            "iterations": 2,
            "sampling": {"count": 4, "max_tokens": 6},
            "fit": {"learning_rate": 3e-3, "batch_size": 4, "epochs": 2},
            "eval_share": 0.25,
            "max_length": 64,
            "out": str(tmp_path / "out"),
        }
        return make_alignment_config({**given, **changes})

    return made


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_policy_learns_what_its_guide_likes(settings, place) -> None:
    config = settings(
        judge=str(place / "guide"),
        guide_may_judge=True,
        iterations=4,
        eval_count=16,
        sampling={"count": 8, "max_tokens": 6},
        fit={"learning_rate": 1e-2, "batch_size": 4, "epochs": 8},
    )
    found = align(config)
    rates = [one.versus.win_rate for one in found.measured]
    assert rates[0].value == pytest.approx(0.5)  # against itself
    assert rates[-1].low > 0.6
    assert found.measured[0].divergence.value == pytest.approx(0, abs=1e-4)
    assert found.measured[-1].divergence.low > 0.05
    assert 0.9 < found.fits[0]["achieved"] < 1.1
    assert LanguageModel.from_pretrained(str(found.policy), max_length=64).tokenizer.chat_template
    written = json.loads((Path(config.out) / "iteration-4" / "measured.json").read_text())
    assert written["versus"]["win_rate"]["value"] == rates[-1].value
    against_last = [one.versus_last.win_rate.value for one in found.measured]
    assert against_last[1] == rates[1].value  # the last policy is the first
    game = found.game
    assert game.policies == ("before", "1", "2", "3", "4")
    assert [row[0].value for row in game.win_rates] == pytest.approx([rate.value for rate in rates])
    assert game.rates()[4, 3] == pytest.approx(against_last[4])
    assert game.equilibrium[0].value == 0
    assert game.gaps[0].value > game.gaps[-1].value >= 0
    assert read_game(Path(config.out) / "game.json") == game


def test_held_out_answers_of_policies_are_independent(settings, place) -> None:
    """Policies that are all the same still draw other answers, in each iteration and each run."""
    runs = [settings(out=settings().out + name, fit={"learning_rate": 1e-12}, method=name) for name in ("sppo", "gpo")]
    drawn = []
    for config in runs:
        align(config)
        for iteration in range(3):
            samples = load_samples(Path(config.out) / f"iteration-{iteration}" / "held-out.jsonl")
            drawn.append(tuple(one.tokens for one in samples))
    assert len(set(drawn)) == 6


@pytest.mark.parametrize("method", sorted(all_methods()))
def test_every_method_runs(settings, method) -> None:
    found = align(settings(method=method, eval_share=0.0, sampling={"count": 3, "max_tokens": 4}))
    assert not found.measured
    assert all(np.isfinite(fit["last_loss"]) for fit in found.fits)
    one, begun = weights_of(found.policy), weights_of(Path(settings().policy))
    assert any(not torch.equal(one[name], begun[name]) for name in one if name in begun)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # of peft
def test_adapters_are_small_folders_on_one_base_and_the_last_policy_is_whole(settings, tiny_lm) -> None:
    config = settings(lora={"rank": 4, "alpha": 8}, fit={"learning_rate": 1e-2, "batch_size": 4, "epochs": 4})
    found = align(config)
    out = Path(config.out)
    assert not (out / "iteration-1" / "policy").exists()
    assert {path.name for path in (out / "iteration-1" / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert found.policy == out / "iteration-2" / "policy"
    assert not any("lora" in name for name in weights_of(found.policy))
    ids = torch.arange(20, 30)[None]
    whole = AutoModelForCausalLM.from_pretrained(found.policy)(ids).logits
    base = AutoModelForCausalLM.from_pretrained(tiny_lm)
    plain = base(ids).logits
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(base, out / "iteration-2" / "adapter")(ids).logits
    torch.testing.assert_close(whole, adapted, rtol=1e-4, atol=1e-4)
    assert (whole - plain).abs().max() > 0.01
    samples = load_samples(out / "iteration-2" / "judged.jsonl")  # past policy 1 is the base with its adapter
    language = LanguageModel.from_pretrained(tiny_lm, max_length=64)
    before = log_probs_of(language, samples, 1024, 6)
    assert samples[0].log_probs["before"] == pytest.approx(before[0].tolist(), abs=1e-3)
    assert samples[0].log_probs["1"] != pytest.approx(before[0].tolist(), abs=1e-3)


def test_all_policies_of_adapters_may_be_merged(settings) -> None:
    config = settings(lora={"rank": 2, "merge": "all"}, eval_share=0.0)
    align(config)
    assert (Path(config.out) / "iteration-1" / "policy" / "config.json").exists()


def test_more_iterations_go_on_and_other_settings_are_refused(settings) -> None:
    short = align(settings(iterations=1))
    before = weights_of(short.policy)
    longer = align(settings(iterations=2))
    assert all(torch.equal(before[name], value) for name, value in weights_of(short.policy).items())
    straight = align(settings(iterations=2, out=settings().out + "-straight"))
    one, other = weights_of(longer.policy), weights_of(straight.policy)
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(AlignmentError, match="begun with other settings for method; go on with the same"):
        align(settings(method="sppo"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
def test_trl_trains_a_policy_too(settings) -> None:
    pytest.importorskip("trl")
    fit = {"learning_rate": 1e-2, "batch_size": 4}
    found = align(settings(method="grpo", method_settings={"beta": 0.0}, fit=fit, eval_share=0.25))
    assert len(found.measured) == 2
    assert found.measured[1].divergence.value > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("lora", "kills"), [(None, 4), ({"rank": 2}, 2)])
def test_killed_runs_end_as_undisturbed_ones_do(settings, tmp_path, lora, kills) -> None:
    fit = {"learning_rate": 3e-3, "batch_size": 4, "epochs": 4, "save_steps": 3}
    straight = weights_of(align(settings(out=str(tmp_path / "straight"), fit=fit, lora=lora)).policy)
    config = settings(out=str(tmp_path / "killed"), fit=fit, lora=lora)
    (tmp_path / "config.json").write_text(config.to_json())
    code = (
        "import sys, json; from polypref.alignment.config import make_alignment_config; "
        "from polypref.alignment.recipe import align; "
        "align(make_alignment_config(json.load(open(sys.argv[1]))))"
    )
    rng = np.random.default_rng(0)
    for _ in range(kills):
        run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "config.json")], env=environment())
        time.sleep(6 + 6 * rng.random())
        run.kill()
        run.wait()
    found = weights_of(align(config).policy)
    assert all(torch.equal(found[name], value) for name, value in straight.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "grpo", "guide": ["GUIDE", "GUIDE"]}, "grpo follows one guide, not 2"),
        ({"judge": "GUIDE"}, "is the guide, which says nothing of how good a policy is"),
        ({"sampling": {"max_tokens": 64}}, "answers of 64 tokens leave no room for a prompt in 64"),
        ({"eval_prompts": ["PROMPTS"]}, "24 of the eval_prompts are also learned from"),
        ({"method": "gop"}, "unknown method 'gop'"),
        (
            {"reward": "win-rate"},
            "gpo fits log-odds, or differences of what a sample is worth, and the reward is 'win-rate'",
        ),
        ({"reward": "tail"}, "does not know how a crowd is divided"),
        ({"sampling": {"count": 4, "max_tokens": 6, "temperature": 1e-6}}, "all samples of every prompt are equal"),
    ],
)
def test_bad_settings_are_refused(settings, place, changes, words) -> None:
    names = {"GUIDE": str(place / "guide"), "PROMPTS": str(place / "prompts.jsonl")}
    changes = {
        key: [names[one] for one in value]
        if isinstance(value, list)
        else names.get(value, value)
        if isinstance(value, str)
        else value
        for key, value in changes.items()
    }
    with pytest.raises(PolyprefError, match=words):
        align(settings(**changes))


def test_a_guide_that_has_diverged_is_named(settings, place, tmp_path) -> None:
    model = PreferenceModel.from_pretrained(place / "guide")
    with torch.no_grad():
        model.encoder.state_layer.weight.fill_(torch.nan)
    model.save_pretrained(tmp_path / "diverged")
    with pytest.raises(PolyprefError, match="NaN"):
        align(settings(guide=str(tmp_path / "diverged")))


def test_several_processes_are_refused(settings, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(AlignmentError, match="align runs in one process, and torchrun has started several"):
        align(settings())


def test_a_reference_that_never_moves_is_told(settings) -> None:
    class Lines(Report):
        lines: ClassVar[list[str]] = []

        def line(self, text: str) -> None:
            self.lines.append(text)

    align(settings(method="comal", iterations=1, eval_share=0.0), Lines())
    assert Lines.lines[0] == (
        "comal moves its reference every 8 iterations and never in 1: set method_settings.every lower, or iterations "
        "higher"
    )
