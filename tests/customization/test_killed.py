"""Customisations that are killed from outside: nothing half-written looks like a model, and the next run ends alike."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from polypref import PreferenceModel, customize, make_customize_config
from polypref.errors import PolyprefError
from tests.processes import start


@pytest.mark.slow
def test_a_killed_customisation_leaves_no_half_model_and_ends_alike(settings, tmp_path) -> None:
    domains = {"eval_share": 0.2}
    begin = time.monotonic()
    customize(make_customize_config(settings(domains=domains, out=str(tmp_path / "straight"))))
    seconds = time.monotonic() - begin
    given = settings(domains=domains, out=str(tmp_path / "killed"))
    (tmp_path / "settings.json").write_text(json.dumps(given))
    command = "customize", tmp_path / "settings.json"
    rng = np.random.default_rng(1)
    for _ in range(5):
        run = start(*command)
        time.sleep(seconds * rng.random())
        assert run.kill() in (-signal.SIGKILL, 0)  # killed, or it had ended well
        whole_or_refused(tmp_path / "killed")
    status, _, told = start(*command).ended()
    assert status == 0, told
    for model in ("general", "domains/academy"):
        one, other = (load_file(tmp_path / run / model / "model.safetensors") for run in ("straight", "killed"))
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert names_in(tmp_path / "killed") == names_in(tmp_path / "straight")


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def whole_or_refused(out: Path) -> None:
    """What looks like a model loads, or is refused as unfinished."""
    refusals = []
    for config in out.rglob("config.json"):
        try:
            PreferenceModel.from_pretrained(config.parent)
        except PolyprefError as error:
            refusals.append(str(error))
    assert all("not written to its end" in refusal or "saving" in refusal for refusal in refusals)
