"""Checkpoints: what is written is read again, and what is damaged or unfinished is refused."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from polypref.errors import PolyprefError
from polypref.models.lora import Lora
from polypref.models.preference_model import PreferenceModel
from polypref.training import checkpoints
from polypref.training.checkpoints import check_state


def test_adapters_and_a_prompt_gate_are_read_under_the_names_of_version_0_1_too(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True, lora=Lora(rank=2))
    torch.nn.init.normal_(model.encoder.extra.weight)
    before = {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}
    checkpoints.write_checkpoint(tmp_path / "now", model, model.encoder, before)
    weights = load_file(tmp_path / "now" / "trainable.safetensors")
    old = {name.replace("extra.", "gate."): tensor for name, tensor in weights.items()}
    assert {"gate.weight", "gate.bias"} <= old.keys()
    (tmp_path / "before").mkdir()
    save_file(old, tmp_path / "before" / "trainable.safetensors")
    for folder in ("now", "before"):
        torch.nn.init.zeros_(model.encoder.extra.weight)
        checkpoints.read_weights(tmp_path / folder, model.encoder)
        torch.testing.assert_close(model.encoder.state_dict(), before, rtol=0, atol=0)


def test_where_nothing_was_begun_nothing_is_unfinished(tmp_path) -> None:
    checkpoints.drop_unfinished(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("state", ["[1, 2]", "3", "null", "{", "", "[" * 100_000])
def test_a_trainer_state_that_is_no_mapping_is_one_sentence(state, tmp_path):
    for name in ("optimizer.pt", "scheduler.pt"):
        (tmp_path / name).touch()
    (tmp_path / "trainer_state.json").write_text(state)
    with pytest.raises(PolyprefError, match=r"^the checkpoint .* is damaged \(.+\); delete it"):
        check_state(tmp_path)
    (tmp_path / "trainer_state.json").write_text(json.dumps({"global_step": 3}))
    check_state(tmp_path)
