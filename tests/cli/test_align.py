"""`polypref align` from a file of settings."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.alignment.conftest import make_language_model
from tests.training.conftest import make_backbone
from transformers import AutoModelForCausalLM, AutoTokenizer

from polypref import Group, PreferenceModel
from polypref.groups.writing import save_groups


@pytest.fixture
def folder(tmp_path):
    """Settings, and beside them a policy, a guide and prompts."""
    make_language_model(tmp_path / "begin")
    model = PreferenceModel.from_backbone(make_backbone("llama", tmp_path / "backbone", seed=9), "general", dim=4)
    with torch.no_grad():
        model.encoder.state_layer.weight.mul_(3)
    model.save_pretrained(tmp_path / "guide")
    save_groups([Group(f"Question {at}?", ("any",)) for at in range(12)], tmp_path / "prompts.jsonl")
    (tmp_path / "align.yaml").write_text(
        "policy: begin\nguide: guide\nprompts: prompts.jsonl\nmethod: sppo\niterations: 1\nmax_length: 64\n"
        "sampling: {count: 3, max_tokens: 5}\neval_share: 0.3\nguide_may_judge: true\njudge: guide\nout: out\n"
    )
    return tmp_path


def test_a_policy_is_made_and_measured(polypref, folder) -> None:
    run = polypref("align", folder / "align.yaml")
    assert run.status == 0, run.err
    assert "On held-out prompts, against the policy before alignment" in run.out
    assert run.out.splitlines()[-1] == f"{folder / 'out' / 'iteration-1' / 'policy'}: a policy aligned by sppo"
    assert "iteration 1: targets of" in run.err
    again = polypref("align", folder / "align.yaml", "--json")
    told = json.loads(again.out)
    assert told["measured"][0]["versus"]["win_rate"]["value"] == pytest.approx(0.5)
    assert told["fits"][0]["steps"] == 1
    assert "How often the policy of the row wins" in run.out
    assert told["game"]["policies"] == ["before", "1"]
    assert told["game"] == json.loads((folder / "out" / "game.json").read_text())
    shown = polypref("report", folder / "out", "--out", folder / "r.html", "--json")
    assert shown.status == 0, shown.err
    rate = told["measured"][1]["versus"]["win_rate"]["value"]
    assert json.loads(shown.out)["policies"]["out"]["win_rate"] == rate


def test_mistakes_get_one_sentence(polypref, folder) -> None:
    run = polypref("align", folder / "align.yaml", "--set", "method=gop")
    assert run.status == 2
    assert "polypref: unknown method 'gop'; known are " in run.err
    run = polypref("align", folder / "align.yaml", "--set", "colour=red")
    assert run.status == 2
    assert "polypref: unknown setting 'colour'" in run.err


def always_says(folder, token: int, name: str) -> None:
    """A policy in the folder that is as good as sure of one token, whatever it reads."""
    model = AutoModelForCausalLM.from_pretrained(folder / "begin")
    with torch.no_grad():
        for part, weight in model.named_parameters():
            if part.endswith(("o_proj.weight", "down_proj.weight", "lm_head.weight")):
                weight.zero_()
        model.model.embed_tokens.weight.fill_(1.0)  # so is every hidden state
        model.lm_head.weight[token] = 10.0
    model.save_pretrained(folder / name)
    AutoTokenizer.from_pretrained(folder / "begin").save_pretrained(folder / name)


def test_a_guide_may_have_another_tokenizer(polypref, folder, saved) -> None:
    run = polypref("align", folder / "align.yaml", "--set", f"guide={saved('general')}")
    assert run.status == 0, run.err


def fill_with_nan(place) -> None:
    path = place / "model.safetensors"
    save_file(
        {key: torch.full_like(value, torch.nan) for key, value in load_file(path).items()}, path, {"format": "pt"}
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["sampling.max_tokens=64"], "answers of 64 tokens leave no room for a prompt in 64: raise max_length"),
        (
            ["max_length=2000", "sampling.max_tokens=300"],
            "inputs of 256 tokens have no room for a prompt and 300 tokens",
        ),
        (["policy=silent"], "36 of 36 samples are empty: the policy ends before it says anything"),
        (["policy=sure"], "all samples of every prompt are equal, of which nothing can be learned"),
        (["policy=damaged"], "gives NaN or infinity for the next token: it has diverged in its training"),
        (["guide=diverged"], "NaN"),
        (["guide_may_judge=false"], "which says nothing of how good a policy is that it has trained"),
        (["eval_prompts=prompts.jsonl"], "12 of the eval_prompts are also learned from, such as 'question 0?'"),
    ],
)
def test_bad_input_gets_one_sentence_and_loses_nothing(polypref, folder, settings, words) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder / "begin")
    always_says(folder, tokenizer.eos_token_id, "silent")
    always_says(folder, tokenizer.convert_tokens_to_ids("a"), "sure")
    for name, source in (("damaged", "begin"), ("diverged", "guide")):
        shutil.copytree(folder / source, folder / name)
        fill_with_nan(folder / name)
    changes = [f"{name}={folder / value if name in PLACES else value}" for name, value in map(split, settings)]
    given = [part for change in ["eval_share=0", *changes] for part in ("--set", change)]
    run = polypref("align", folder / "align.yaml", *given)
    assert run.status == 2, run.err
    last = run.err.strip().splitlines()[-1]
    assert last.startswith("polypref: ")
    assert words in last
    assert "Traceback" not in run.err


PLACES = {"policy", "guide", "eval_prompts"}


def split(setting: str) -> tuple[str, str]:
    name, _, value = setting.partition("=")
    return name, value
