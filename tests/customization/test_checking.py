"""What is refused before anything is made: what could not go on to the end, missing checkpoints, several processes."""

from __future__ import annotations

import pytest

from polypref.errors import PolyprefError


def test_a_missing_checkpoint_gets_one_sentence(customized, tmp_path):
    with pytest.raises(PolyprefError, match=r"there is no checkpoint '.*/gone', which general\.model names"):
        customized(general={"model": str(tmp_path / "gone")})


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
