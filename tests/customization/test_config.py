"""Configurations: what is refused, and what the stages make of the settings."""

from __future__ import annotations

import pytest

from polypref.customization.config import make_customize_config
from polypref.training.config import ConfigError

DATA = {"data": {"helpful": "h.jsonl"}}
WHOLE = {"general": DATA, "domains": {"data": "d.jsonl"}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "there is nothing to do: add instruction, general and domains"),
        ({"domains": {"data": "d.jsonl"}}, "start from a general one: add general.data, or general.model"),
        ({"general": {}}, "general needs data to train on, or model"),
        ({**WHOLE, "general": {"model": "m"}}, "name some with general.data, also beside general.model"),
        ({**WHOLE, "general": {**DATA, "eval_data": {"webgpt": "w.jsonl"}}}, "has webgpt, which general.data has not"),
        ({**WHOLE, "domain": {}}, "unknown setting 'domain'; known are backbone, out"),
        (
            {**WHOLE, "domains": {"data": "d", "enrich": 1}},
            "unknown setting 'domains.enrich'; known are data, eval_data",
        ),
        ({**WHOLE, "domains": {"data": "d", "enrichment": 1}}, "the setting domains.enrichment is 1: input should be"),
        ({**WHOLE, "domains": {"data": "d", "enrichment": 0.9999999}}, "should be less than or equal to 0.99"),
        ({**WHOLE, "sweep": {}}, "sweep lists nothing to try"),
        ({**WHOLE, "domains": {}}, "the setting domains.data is missing"),
        ({**WHOLE, "domains": {"data": "d", "interpolation": [1.0]}}, "domains.interpolation.0 is 1.0"),
        ({**WHOLE, "training": {"heed": "general"}}, "unknown setting 'heed'"),
        ({**WHOLE, "training": {"resume": True, "out": "x"}}, "training has out, resume, which customize sets itself"),
        ({**WHOLE, "domains": {"data": "d", "training": {"save_steps": 3}}}, "domains.training has save_steps"),
        ({**WHOLE, "domains": {"data": "d", "training": {"imitation": 1}}}, "domains.training has imitation"),
        ({**WHOLE, "training": {"trainer": {"fsdp": True}}}, "leave fsdp and deepspeed out"),
        ({"general": DATA, "sweep": {"enrichment": [0.1]}}, "sweep and few_shot are about the domains' models"),
        ({**WHOLE, "training": {"trainer": {"save_strategy": "no"}}}, "has save_strategy, which customize sets itself"),
        ({"instruction": {"data": "i", "trainer": {"seed": 1}}}, "instruction.trainer has seed, which customize sets"),
        ({**WHOLE, "training": {"head_settings": {"dim": 4}}}, "has head_settings and nothing says of which head"),
        (
            {"general": {**DATA, "model": "m"}, "instruction": {"data": "i.jsonl"}},
            "general.model stands in for what instruction and general data would train",
        ),
        ({**WHOLE, "general": {**DATA, "model": "m"}, "few_shot": [8]}, "does not say on which base model: name it"),
        ({**WHOLE, "few_shot": [0]}, "few_shot.0 is 0"),
        ({**WHOLE, "few_shot_steps": 8}, "few_shot_steps is about few_shot, which is absent"),
        ({**WHOLE, "general": {**DATA, "model": "m", "skip": True}}, "and general.model from a checkpoint: leave one"),
    ],
)
def test_mistakes_get_one_sentence(settings, said):
    with pytest.raises(ConfigError) as error:
        make_customize_config(settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_stage_has_the_common_settings_under_its_own():
    config = make_customize_config(
        {
            "seed": 7,
            "training": {"head": "general", "head_settings": {"dim": 4}, "epochs": 2},
            "general": {**DATA, "training": {"learning_rate": 1e-3}},
            "domains": {"data": "d", "training": {"epochs": 5, "lora": {"rank": 4}}, "imitation": 0.1, "eval_steps": 3},
        }
    )
    general, domain = config.stage_2("base", "general"), config.stage_3("general", "run")
    assert (general.backbone, general.out, general.head, general.epochs, general.seed) == (
        "base", "general", "general", 2, 7,
    )  # fmt: skip
    assert (general.learning_rate, general.lora, general.imitation, general.save_steps) == (1e-3, None, 0.0, None)
    assert (domain.head_settings, domain.epochs, domain.lora.rank, domain.seed) == ({"dim": 4}, 5, 4, 7)
    assert (domain.imitation, domain.save_steps, domain.learning_rate) == (0.1, 3, None)


def test_one_file_needs_no_brackets():
    config = make_customize_config({**WHOLE, "domains": {"data": {"academy": "a.jsonl"}, "only": "academy"}})
    assert config.general.data == {"helpful": ("h.jsonl",)}
    assert config.domains.data == {"academy": ("a.jsonl",)}
    assert config.domains.only == ("academy",)
