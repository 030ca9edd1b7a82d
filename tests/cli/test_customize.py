"""`polypref customize`, as a user meets it: a file of settings, what is printed, and mistakes."""

from __future__ import annotations

import json

import pytest
from tests.customization.conftest import DOMAIN_TASTE, GENERAL_TASTE, tasteful

from polypref import PreferenceModel, save_groups


@pytest.fixture
def customize(polypref, backbone, tmp_path):
    """A short customisation: `customize("--set", "domains.enrichment=0.5")`; the models land in `tmp_path / "out"`."""
    save_groups(tasteful(40, GENERAL_TASTE, seed=1), tmp_path / "helpful.jsonl")
    save_groups(tasteful(40, DOMAIN_TASTE, "red", seed=2, domain="academy"), tmp_path / "domains.jsonl")
    (tmp_path / "custom.yaml").write_text(
        f"""
        backbone: {backbone}
        training: {{batch_size: 8, max_steps: 2, max_length: 64}}
        general: {{data: {{helpful: {tmp_path / "helpful.jsonl"}}}, eval_share: 0.2}}
        domains: {{data: {tmp_path / "domains.jsonl"}, eval_share: 0.2, choose_share: 0.2, eval_steps: 1}}
        """
    )
    return lambda *arguments: polypref("customize", tmp_path / "custom.yaml", "--out", tmp_path / "out", *arguments)


def test_it_prints_what_was_gained_and_lost(customize, tmp_path):
    run = customize()
    assert run.status == 0, run.err
    assert "On the test sets" in run.out
    assert f"{tmp_path / 'out'}: the general model, academy" in run.out
    assert "recommended for academy" in run.err
    assert PreferenceModel.from_pretrained(tmp_path / "out", domain="academy").head.name == "scalar"


def test_json_is_one_object_with_sweep_and_learning_curve(customize):
    run = customize("--json", "--set", "sweep.enrichment=[0, 0.5]", "--set", "few_shot=[8]")
    assert run.status == 0, run.err
    found = json.loads(run.out)
    assert [row["setting"] for row in found["sweep"]] == ["enrichment=0", "enrichment=0.5"]
    assert found["domains"]["academy"]["points"][0]["step"] == 0
    assert found["few_shot"]["academy"]["points"][0]["comparisons"] == 8
    run = customize("--set", "sweep.enrichment=[0, 0.5]", "--set", "few_shot=[8]")
    assert run.status == 0, run.err
    assert "Recommended model of each setting" in run.out
    assert "Few-shot accuracy on academy" in run.out


def test_paths_are_taken_from_the_folder_of_the_settings_and_ctrl_c_says_how_to_go_on(
    customize, polypref, tmp_path, monkeypatch
):
    text = (tmp_path / "custom.yaml").read_text().replace(f"{tmp_path}/", "")
    (tmp_path / "custom.yaml").write_text(f"{text}\n        out: models")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("polypref.customization.recipe.customize_domain", press)
        run = polypref("customize", "../custom.yaml")
    assert run.status == 130
    told = "polypref: stopped; what is finished in ../models is kept, and the same command goes on from there"
    assert run.err.splitlines()[-1] == told
    assert (tmp_path / "models" / "general" / "config.json").exists()
    run = polypref("customize", "../custom.yaml")
    assert run.status == 0, run.err
    assert PreferenceModel.from_pretrained(tmp_path / "models", domain="academy").head.name == "scalar"


def test_bad_rows_of_every_part_are_left_out(customize, tmp_path):
    for name in ("helpful", "domains"):
        with open(tmp_path / f"{name}.jsonl", "a") as file:
            file.write('{"prompt": "No answer?", "responses": ["", "a"]}\n')
    run = customize()
    assert run.status == 2
    assert run.err.endswith("helpful.jsonl, row 41, field responses[0]: is empty (--skip-bad leaves such rows out)\n")
    run = customize("--skip-bad", "--json")
    assert run.status == 0, run.err
    assert run.err.count("left out 1 of 41 rows of ") == 2
    assert json.loads((tmp_path / "out" / "customize.json").read_text())["instruction"] is None


def test_mistakes_get_one_sentence(customize, tmp_path):
    leaky = f"domains.eval_data={tmp_path / 'domains.jsonl'}"
    for arguments, said in (
        (("--set", "domains.enrichment=2"), "the setting domains.enrichment is 2"),
        (("--set", "general.model=./gone"), "there is no checkpoint './gone'"),
        (("--set", leaky), "prompts are in the test set of the domain academy"),
    ):
        run = customize(*arguments)
        assert run.status == 2
        assert said in run.err
        assert len([line for line in run.err.splitlines() if "stage 2" not in line]) == 1
