"""A sweep: every setting once, from the same general model, interrupted or not, here or on a cluster."""

from __future__ import annotations

import json

import pytest

from polypref import customize, make_customize_config
from polypref.customization import measuring, stages
from polypref.customization.sweep import settings as settings_of
from polypref.errors import PolyprefError
from polypref.training.config import ConfigError

GRID = {"enrichment": [0, 0.5], "learning_rate": [1e-3, 1e-4]}
NAMES = [f"enrichment={share},learning_rate={rate}" for share in ("0", "0.5") for rate in ("0.001", "0.0001")]
QUICK = {"domains": {"training": {"max_steps": 2}, "eval_steps": 2}, "general": {"training": {"max_steps": 2}}}


def test_settings_are_the_grid(settings):
    made = make_customize_config(settings(sweep={"imitation": [0, 0.1], "lora": [None, 8]}))
    found = dict(settings_of(made))
    assert list(found) == [f"imitation={mu},lora={rank}" for mu in ("0", "0.1") for rank in ("none", "8")]
    last, plain = found["imitation=0.1,lora=8"].domains, found["imitation=0,lora=none"].domains
    assert (last.imitation, last.training["lora"]) == (0.1, {"rank": 8, "alpha": 16})
    assert (plain.imitation, plain.training["lora"]) == (0.0, None)
    assert last.training["epochs"] == 1  # what is not swept stays
    given = {"domains": {"training": {"lora": {"rank": 4, "targets": ["query"]}}}, "sweep": {"lora": [8]}}
    (adapted,) = (one.domains.training["lora"] for _, one in settings_of(make_customize_config(settings(**given))))
    assert adapted == {"rank": 8, "alpha": 16, "targets": ["query"]}


def test_a_sweep_that_is_killed_repeats_no_finished_work_and_ends_alike(settings, tmp_path, monkeypatch):
    whole = customize(make_customize_config(settings(sweep=GRID, **QUICK)))
    assert [row.setting for row in whole.sweep] == NAMES
    assert (tmp_path / "out" / "sweep.png").exists()
    assert json.loads((tmp_path / "out" / "sweep.json").read_text())[3]["setting"] == NAMES[3]

    broken = {**settings(sweep=GRID, **QUICK), "out": str(tmp_path / "broken")}
    real, runs = stages.train, []

    def train(config, *others):
        runs.append(config.out)
        if len(runs) == 4:  # general, academy, the first setting, and in the second the process ends
            raise KeyboardInterrupt
        return real(config, *others)

    monkeypatch.setattr(stages, "train", train)
    with pytest.raises(KeyboardInterrupt):
        customize(make_customize_config(broken))
    found = customize(make_customize_config(broken))
    assert found.sweep == whole.sweep
    assert [NAMES[2] in out or NAMES[3] in out for out in runs[5:]] == [True, True]
    assert len(runs) == 4 + 3


def block(out, name):
    """Let a setting fail: where its folder belongs, there is a file."""
    (out / "sweep").mkdir(parents=True)
    (out / "sweep" / name).touch()
    return out / "sweep" / name


def test_a_setting_that_fails_stops_no_other_and_is_named_in_the_end(settings, polypref, tmp_path, monkeypatch):
    (tmp_path / "custom.json").write_text(json.dumps(settings(sweep={"enrichment": [0, 0.5]}, **QUICK)))
    obstacle = block(tmp_path / "out", "enrichment=0")
    run = polypref("customize", tmp_path / "custom.json")
    assert run.status == 2
    said = run.err.splitlines()[-1]
    assert "1 of 2 settings failed, the others are finished and in" in said
    assert "sweep.json: enrichment=0 (" in said
    assert (tmp_path / "out" / "sweep" / "enrichment=0.5" / "domains" / "academy" / "tradeoff.json").exists()
    assert [row["setting"] for row in json.loads((tmp_path / "out" / "sweep.json").read_text())] == ["enrichment=0.5"]
    obstacle.unlink()
    real, runs = stages.train, []
    monkeypatch.setattr(stages, "train", lambda config, *others: runs.append(config.out) or real(config, *others))
    assert polypref("customize", tmp_path / "custom.json").status == 0
    assert ["enrichment=0/" in out for out in runs] == [True]


def test_the_general_model_is_measured_once_for_all_settings(settings, tmp_path, monkeypatch):
    read, real = [], measuring._answers
    monkeypatch.setattr(measuring, "_answers", lambda model, groups: read.append(groups) or real(model, groups))
    made = settings(sweep={"enrichment": [0.5]}, **QUICK)
    found = customize(make_customize_config(made))
    once = len(read)
    monkeypatch.setattr(
        measuring.GeneralAnswers, "on", lambda self, groups, general, loading: measuring._answers(general, groups)
    )
    again = customize(make_customize_config({**made, "out": str(tmp_path / "again")}))
    assert (again.domains, again.sweep) == (found.domains, found.sweep)
    # a domain and two general sets, to choose by and to test on: once, and not anew for the setting
    assert len(read) - once == once + 2 * 3


def test_a_setting_that_cannot_be_is_refused_before_any_is_run(settings):
    made = make_customize_config(settings(sweep={"learning_rate": [1e-3]}))
    object.__setattr__(made.sweep, "learning_rate", (-1.0,))
    with pytest.raises(ConfigError, match="learning_rate is -1"):
        customize(made)


@pytest.mark.slow
def test_two_workers_of_a_ray_cluster_make_the_same_table(settings, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    here = customize(make_customize_config(settings(sweep=GRID, **QUICK)))
    there = settings(sweep=GRID, **QUICK)
    obstacle = block(tmp_path / "there", NAMES[1])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        with pytest.raises(
            PolyprefError, match=f"1 of 4 settings failed, the others are finished and in .*: {NAMES[1]} [(]cannot"
        ):
            customize(make_customize_config({**there, "out": "there"}), ray="local")
        assert len(list((tmp_path / "there" / "sweep").glob("*/domains/academy/tradeoff.json"))) == 3
        obstacle.unlink()
        found = customize(make_customize_config({**there, "out": str(tmp_path / "there")}), ray="local")
        assert ray.is_initialized()  # a session that was there already is left alone
    finally:
        ray.shutdown()
    assert found.sweep == here.sweep


@pytest.mark.slow
def test_ray_local_starts_a_cluster_and_ends_it(settings, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = settings(sweep={"enrichment": [0.5]}, **QUICK)
    here = customize(make_customize_config(made))
    found = customize(make_customize_config({**made, "out": str(tmp_path / "there")}), ray="local")
    assert not ray.is_initialized()
    assert found.sweep == here.sweep


def test_without_ray_a_cluster_is_refused_in_one_sentence(settings, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PolyprefError, match=r"needs Ray, .* pip install ray"):
        customize(make_customize_config(settings(sweep=GRID, **QUICK)), ray="local")
