"""A fit that is stopped anywhere goes on from its last checkpoint to the weights of an undisturbed one, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref import Group
from polypref.alignment import fitting
from polypref.alignment.config import FitConfig
from polypref.alignment.fit_checkpoints import FitCheckpoints
from polypref.alignment.fitting import fit
from polypref.alignment.methods import make_method
from polypref.alignment.samples import Samples
from polypref.errors import PolyprefError
from polypref.models.causal import LanguageModel
from polypref.models.lora import Lora

SETTINGS = FitConfig(epochs=2, batch_size=2, learning_rate=3e-3, warmup=0.2, schedule="cosine", weight_decay=0.1)


class Stopped(Exception):
    """Stands in for a kill."""


def samples() -> list[Samples]:
    rng = np.random.default_rng(0)
    found = []
    for at in range(7):
        scores = rng.normal(size=(3, 3))
        tokens = tuple(tuple(rng.integers(10, 200, 3).tolist()) for _ in range(3))
        ahead = scores - scores.T
        found.append(
            Samples(
                Group(f"Question {at}?", ("a", "b", "c")),
                tokens,
                ("end",) * 3,
                {"before": tuple(rng.normal(-15, 1, 3).tolist())},
                log_odds=ahead,
            )
        )
    return found


def fitted(tiny_lm, method, lora, checkpoints=None):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = LanguageModel.from_pretrained(tiny_lm, max_length=64, lora=Lora(rank=2) if lora else None)
    log = fit(model, make_method(method), samples(), ["before"], "before", 1, SETTINGS, 4, 3, checkpoints)
    weights = {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}
    return weights, log


@pytest.mark.parametrize(("method", "lora"), [("sppo", False), ("inpo", True), ("egpo", False)])
def test_a_stopped_fit_ends_as_an_undisturbed_one(tiny_lm, tmp_path, monkeypatch, method, lora) -> None:
    straight, log = fitted(tiny_lm, method, lora)
    checkpoints = FitCheckpoints(tmp_path / "fit", 2)
    counted, plain = [], fitting._backward

    def stopping(*given):
        counted.append(1)
        if len(counted) % 6 == 0:  # now and then, in the middle of a step
            raise Stopped
        return plain(*given)

    monkeypatch.setattr(fitting, "_backward", stopping)
    stops = 0
    while True:
        try:
            found, told = fitted(tiny_lm, method, lora, checkpoints)
            break
        except Stopped:
            stops += 1
    assert stops >= 2
    assert len(counted) < stops * 6 + 6
    assert told == log
    assert all(torch.equal(found[name], value) for name, value in straight.items())
    assert {path.suffix for path in checkpoints.folder.iterdir()} == {".safetensors"}
    checkpoints.remove()
    assert not checkpoints.folder.exists()


def test_a_damaged_checkpoint_is_named(tiny_lm, tmp_path) -> None:
    checkpoints = FitCheckpoints(tmp_path, 2)
    (tmp_path / "fit.safetensors").write_bytes(b"no tensors")
    with pytest.raises(PolyprefError, match=r"fit\.safetensors is damaged .*: delete .* to begin the fit again"):
        fitted(tiny_lm, "sppo", False, checkpoints)
    torch.save({}, tmp_path / "fit.safetensors")
    with pytest.raises(PolyprefError, match="is damaged"):
        fitted(tiny_lm, "sppo", False, checkpoints)
