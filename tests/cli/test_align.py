"""`polypref align` from a file of settings."""

from __future__ import annotations

import json

import pytest
import torch
from tests.alignment.conftest import make_language_model
from tests.training.conftest import make_backbone

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
