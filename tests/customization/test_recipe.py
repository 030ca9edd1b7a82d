"""Customisation as a whole: what is made, and what is not made again."""

from __future__ import annotations

import json

import pytest

from polypref import PreferenceModel, customize, make_customize_config
from polypref.customization.tradeoff import recommended
from polypref.errors import PolyprefError
from tests.customization.conftest import FRESH, Lines


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


def test_finished_parts_are_not_made_again(customized, settings, tmp_path):
    first = customized()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    lines = Lines()
    again = customize(make_customize_config(settings()), lines)
    assert again == first
    assert lines.lines == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")} == stamps


def test_a_cluster_without_a_sweep_is_refused(settings):
    with pytest.raises(PolyprefError, match="and there is none: add sweep"):
        customize(make_customize_config(settings()), ray="local")
