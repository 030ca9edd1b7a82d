"""Many domains on one base model: each is what its adapter makes of it alone, whatever it is mixed with."""

from __future__ import annotations

import json
import re
import shutil
import sys

import numpy as np
import pytest
import torch
from tests.tolerance import ANOTHER_WAY, near

from polypref import Comparison, Group
from polypref.errors import PolyprefError
from polypref.models.card import is_ours
from polypref.models.customized import RESERVED, DomainError, domain_folder, domain_names
from polypref.models.domains import DomainModels, OwnDomains, save_adapter
from polypref.models.lora import Lora, has_lora
from polypref.models.preference_model import PreferenceModel

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft
DOMAINS = ("academy", "business", "poetry", None, "a domain nobody customised for")
RESPONSES = ("The answer.", "A question", "ok ok ok")
GROUPS = [
    Group(f"What is {'better ' * k}, the answer or question {k}?", RESPONSES[: 2 + k % 2], domain=DOMAINS[k % 5])
    for k in range(10)
]


def disturb(encoder, seed):
    """Give every trained parameter another value, as training would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter += 0.03 * torch.randn(parameter.shape, generator=generator)


def adapted(backbone, domain, **lora):
    """A trained model with adapters, as the third stage leaves it."""
    model = PreferenceModel.from_backbone(str(backbone), "general", dim=4, lora=Lora(**lora))
    disturb(model.encoder, seed=len(domain))
    return model


@pytest.fixture(scope="module")
def customized(tiny, tmp_path_factory):
    """A customised folder on a tiny backbone: `academy` and `business` are adapters, `poetry` is a whole model."""
    made = {}

    def folder(name):
        if name not in made:
            out = made[name] = tmp_path_factory.mktemp("customised") / name
            PreferenceModel.from_backbone(tiny(name), "general", dim=4, max_length=200).save_pretrained(out / "general")
            save_adapter(adapted(out / "general", "academy", rank=2), domain_folder(out, "academy"), {"step": 3})
            save_adapter(adapted(out / "general", "business", rank=3, alpha=5), domain_folder(out, "business"))
            whole = PreferenceModel.from_backbone(str(out / "general"), "general", dim=4)
            disturb(whole.encoder, seed=1)
            whole.save_pretrained(domain_folder(out, "poetry"))
        return made[name]

    return folder


# — one domain —


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert", "roberta", "distilbert", "deberta_v2", "modernbert"])
def test_a_domain_on_the_shared_base_is_its_adapter_merged_alone(tiny, tmp_path, name):
    general = PreferenceModel.from_backbone(tiny(name), "general", dim=4)
    general.save_pretrained(tmp_path / "general")
    trained = adapted(tmp_path / "general", "academy", rank=2)
    save_adapter(trained, domain_folder(tmp_path, "academy"))
    alone = PreferenceModel.from_pretrained(domain_folder(tmp_path, "academy"))
    assert not has_lora(alone.encoder.classifier)
    models = DomainModels.from_pretrained(tmp_path)
    assert models["academy"].encoder.shares_prompts == general.encoder.shares_prompts
    for shared, merged, expected, before in zip(
        models["academy"].states(GROUPS), alone.states(GROUPS), trained.states(GROUPS), general.states(GROUPS)
    ):
        near(shared, merged)
        near(shared, expected)
        assert np.abs(shared - before).max() > 0.01
    for after, before in zip(models["general"].states(GROUPS), general.states(GROUPS)):
        np.testing.assert_allclose(after, before, rtol=0, atol=0)


def test_an_adapter_with_a_prompt_gate_brings_its_own(tiny, tmp_path):
    settings = {"dim": 4, "gate": True}
    PreferenceModel.from_backbone(tiny("llama"), "general", **settings).save_pretrained(tmp_path / "general")
    trained = PreferenceModel.from_backbone(str(tmp_path / "general"), "general", lora=Lora(rank=2), **settings)
    disturb(trained.encoder, seed=1)
    save_adapter(trained, domain_folder(tmp_path, "academy"))
    expected = trained.preferences(GROUPS[0])
    models = DomainModels.from_pretrained(tmp_path)
    for model in (models["academy"], PreferenceModel.from_pretrained(tmp_path, domain="academy")):
        near(model.preferences(GROUPS[0]), expected)
    assert np.abs(models["general"].preferences(GROUPS[0]) - expected).max() > 0.01


def test_a_domain_may_have_another_head_than_the_general_model(tiny, tmp_path):
    PreferenceModel.from_backbone(tiny("bert"), "scalar").save_pretrained(tmp_path / "general")
    save_adapter(adapted(tmp_path / "general", "academy", rank=2), domain_folder(tmp_path, "academy"))
    models = DomainModels.from_pretrained(tmp_path)
    assert models["academy"].head.name == "general"
    first, second = models.own.encode(GROUPS[:3:2])
    assert (first[1].head, second[1].head) == (models["academy"].head, models["general"].head)
    for group, P in zip(GROUPS[:3:2], models.own.preferences(GROUPS[:3:2])):
        near(P, models[models.name_for(group)].preferences(group))


def test_adapters_may_be_in_different_layers(tiny, tmp_path):
    PreferenceModel.from_backbone(tiny("llama"), "general", dim=4).save_pretrained(tmp_path / "general")
    for domain, targets in (("academy", ("q_proj",)), ("business", ("v_proj", "down_proj"))):
        save_adapter(adapted(tmp_path / "general", domain, targets=targets), domain_folder(tmp_path, domain))
    models = DomainModels.from_pretrained(tmp_path)
    for domain in ("academy", "business", "academy"):
        alone = PreferenceModel.from_pretrained(tmp_path, domain=domain)
        near(models[domain].states(GROUPS[0]), alone.states(GROUPS[0]))


def test_the_input_is_cut_as_in_the_training_of_the_domain(customized, tmp_path):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    short = PreferenceModel.from_backbone(str(out / "general"), "general", dim=4, lora=Lora(rank=2), max_length=9)
    save_adapter(short, domain_folder(out, "brief"))
    models = DomainModels.from_pretrained(out)
    assert models["brief"].inputs.max_length == 9
    assert (models["general"].inputs.max_length, models["academy"].inputs.max_length) == (200, 512)
    assert PreferenceModel.from_pretrained(out, domain="academy").inputs.max_length == 512
    assert PreferenceModel.from_pretrained(out, domain="brief").inputs.max_length == 9
    asked = DomainModels.from_pretrained(out, max_length=12)
    assert {asked[name].inputs.max_length for name in asked} == {12}


# — many domains —


@pytest.mark.parametrize("name", ["llama", "bert"])
@pytest.mark.parametrize("windows", [1, 4])
def test_each_group_is_read_by_its_own_domain_in_the_order_given(customized, monkeypatch, name, windows):
    models = DomainModels.from_pretrained(customized(name))
    own = models.own
    monkeypatch.setattr(own, "window", -(-len(GROUPS) // windows))
    used = ["academy", "business", "poetry", "general", "general"] * 2
    encoded = list(own.encode(GROUPS))
    assert [group for group, _ in encoded] == GROUPS
    assert [known.domain for _, known in encoded] == used
    states, P, utilities = own.states(GROUPS), own.preferences(GROUPS), own.utilities(GROUPS)
    ranks = own.rank(GROUPS, "copeland")
    for domain in models:
        alone = PreferenceModel.from_pretrained(customized(name), domain=domain)
        for at in [at for at, name in enumerate(used) if name == domain]:
            near(states[at], alone.states(GROUPS[at]))
            near(P[at], alone.preferences(GROUPS[at]))
            near(utilities[at], alone.utilities(GROUPS[at]), roundings=ANOTHER_WAY)
            assert ranks[at] == alone.rank(GROUPS[at], "copeland")


def test_a_pack_is_of_one_domain_and_all_groups_of_a_window_fill_it(customized, monkeypatch):
    models = DomainModels.from_pretrained(customized("llama"))
    packed = []
    for name in ("general", "academy", "business"):
        encoder = models[name].encoder
        packs = encoder.packs
        monkeypatch.setattr(encoder, "packs", lambda *a, name=name, packs=packs: packed.append(name) or packs(*a))
    list(models.own.encode(GROUPS * 6))
    assert packed == ["academy", "business", "general"]


def test_adapters_share_one_base_in_memory_and_other_models_take_turns(customized):
    models = DomainModels.from_pretrained(customized("llama"))
    assert list(models) == ["general", "academy", "business", "poetry"]
    assert len(models) == 4
    assert "academy" in models
    assert "chess" not in models
    one = models["general"].encoder.classifier
    assert models["academy"].encoder.classifier is one
    assert models["business"].encoder.classifier is one
    assert models["academy"] is models["academy"]
    poetry = models["poetry"]
    assert poetry.encoder.classifier is not one
    assert models["poetry"] is poetry
    shutil.copytree(domain_folder(models.path, "poetry"), domain_folder(models.path, "prose"))
    try:
        again = DomainModels.from_pretrained(models.path)
        poetry = again["poetry"]
        assert again["prose"].domain == "prose"
        assert again["poetry"] is not poetry
    finally:
        shutil.rmtree(domain_folder(models.path, "prose"))


def test_the_base_model_is_itself_again_when_a_domain_fails(customized):
    models = DomainModels.from_pretrained(customized("llama"))
    before = models["general"].states(GROUPS[0])
    with pytest.raises(AttributeError):
        models["academy"].encoder(None)
    np.testing.assert_array_equal(models["general"].states(GROUPS[0]), before)


def test_bfloat16_weights_have_bfloat16_adapters(customized):
    from polypref.models.backbones import BackboneSettings

    half = DomainModels.from_pretrained(customized("llama"), backbone=BackboneSettings(dtype="bfloat16"))
    whole = DomainModels.from_pretrained(customized("llama"))
    found, expected = half["academy"].states(GROUPS[0]), whole["academy"].states(GROUPS[0])
    assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


# — the folder —


def test_what_is_saved_is_small_and_says_how_it_was_made(customized):
    folder = domain_folder(customized("llama"), "academy")
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "config.json",
    }
    block = json.loads((folder / "config.json").read_text())["polypref"]
    assert block["head"] == "general"
    assert block["training"] == {"step": 3}
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "../../general"
    assert config["modules_to_save"] == ["score"]


def test_its_card_tells_of_its_base_and_its_code_loads_it_with_peft(customized, monkeypatch):
    folder = domain_folder(customized("llama"), "academy")
    card = (folder / "README.md").read_text()
    assert "library_name: peft" in card.split("---")[1]
    assert "- step: 3\n" in card
    assert is_ours(folder / "README.md")
    (code,) = re.findall(r"```python\n(import os.*?)```", card, re.DOTALL)
    monkeypatch.chdir(folder)
    exec(code, found := {})
    model = PreferenceModel.from_pretrained(folder)
    for item, state in zip(model.tokenize(GROUPS[0]), model.states(GROUPS[0]), strict=True):
        logits = found["classifier"](input_ids=torch.tensor(item.tokens[None].astype("int64"))).logits
        near(logits[0].detach().numpy(), state, roundings=ANOTHER_WAY)


def test_the_customized_folder_may_be_moved(customized, tmp_path, monkeypatch):
    expected = DomainModels.from_pretrained(customized("llama")).own.states(GROUPS)
    shutil.copytree(customized("llama"), tmp_path / "else" / "where")
    monkeypatch.chdir(tmp_path)
    for found, before in zip(DomainModels.from_pretrained("else/where").own.states(GROUPS), expected):
        np.testing.assert_array_equal(found, before)
    domain = PreferenceModel.from_pretrained("else/where/domains/academy")
    near(domain.states(GROUPS[0]), expected[0])


def test_an_adapter_far_from_its_base_names_it_in_full_and_is_loaded_by_itself(customized, tmp_path):
    out = customized("llama")
    shutil.copytree(out / "general", tmp_path / "general")
    save_adapter(adapted(out / "general", "academy", rank=2), domain_folder(tmp_path, "academy"))
    config = json.loads((domain_folder(tmp_path, "academy") / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(out / "general")
    models = DomainModels.from_pretrained(tmp_path)
    assert models["academy"].encoder.classifier is not models["general"].encoder.classifier
    expected = PreferenceModel.from_pretrained(out, domain="academy").states(GROUPS[0])
    near(models["academy"].states(GROUPS[0]), expected)


@pytest.mark.parametrize("name", ["llama", "bert", "roberta"])
def test_peft_reads_the_adapter(tiny, tmp_path, name):
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    PreferenceModel.from_backbone(tiny(name), "general", dim=4).save_pretrained(tmp_path / "general")
    trained = adapted(tmp_path / "general", "academy", rank=2)
    save_adapter(trained, domain_folder(tmp_path, "academy"))
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "general")
    peft = PeftModel.from_pretrained(plain, str(domain_folder(tmp_path, "academy"))).eval()
    for item, state in zip(trained.tokenize(GROUPS[0]), trained.states(GROUPS[0]), strict=True):
        inputs = {"input_ids": torch.tensor(item.tokens[None].astype("int64"))}
        if name == "bert":
            inputs["token_type_ids"] = torch.tensor((np.arange(len(item.tokens)) > item.boundary)[None].astype("int64"))
        near(peft(**inputs).logits[0].detach().numpy(), state, roundings=ANOTHER_WAY)


def test_adapters_are_read_without_peft(customized, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "peft"] + ["peft"]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    models = DomainModels.from_pretrained(customized("llama"))
    alone = PreferenceModel.from_pretrained(customized("llama"), domain="academy")
    near(models["academy"].states(GROUPS[0]), alone.states(GROUPS[0]))


def test_one_domain_by_name_is_an_ordinary_model(customized, tmp_path):
    out = customized("llama")
    for domain in ("academy", "poetry", "general", None):
        model = PreferenceModel.from_pretrained(out, domain=domain)
        assert model.domain == domain or (domain is None and model.domain == "general")
        model.save_pretrained(tmp_path / str(domain))
        again = PreferenceModel.from_pretrained(tmp_path / str(domain))
        assert again.domain is None
        near(again.states(GROUPS[0]), model.states(GROUPS[0]))
    assert PreferenceModel.from_pretrained(out / "general").domain is None


def test_a_group_is_of_the_domain_that_judges_it_alone(customized_for_academy):
    models, asked = customized_for_academy, ("a", "b")
    for criteria, domain, used in (
        (("academy", "academy"), None, "academy"),
        (("academy",), "chess", "general"),
        (("helpfulness", "honesty"), None, "general"),
        ((None,), None, "general"),
        ((), None, "general"),
    ):
        judgments = [Comparison(0, 1, criterion=criterion) for criterion in criteria]
        assert models.name_for(Group("Why?", asked, judgments, domain=domain)) == used
    for criteria in (("academy", "business"), ("academy", None)):  # one of them alone has a model
        judgments = [Comparison(0, 1, criterion=criterion) for criterion in criteria]
        refused(lambda judgments=judgments: models.name_for(Group("Why?", asked, judgments)), "judged by several")


@pytest.fixture
def customized_for_academy(customized, tmp_path):
    """The models of a folder with one domain."""
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    for domain in ("business", "poetry"):
        shutil.rmtree(domain_folder(out, domain))
    return DomainModels.from_pretrained(out)


def test_a_domain_that_is_still_being_trained_is_none_yet(customized, tmp_path):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    (domain_folder(out, "chess") / "run").mkdir(parents=True)
    assert list(DomainModels.from_pretrained(out)) == ["general", "academy", "business", "poetry"]


# — refusals —


def refused(call, *words):
    with pytest.raises(PolyprefError) as refusal:
        call()
    assert "\n" not in str(refusal.value)
    for word in words:
        assert word in str(refusal.value)


def test_what_is_not_there_gets_one_sentence(customized, tiny, tmp_path):
    out = customized("llama")
    models = DomainModels.from_pretrained(out)
    known = "known are general, academy, business, poetry"
    refused(lambda: models["chess"], "no model for the domain 'chess'", known)
    refused(lambda: PreferenceModel.from_pretrained(out, domain="chess"), "'chess'", known)
    refused(lambda: PreferenceModel.from_pretrained(out, domain="own"), "several models", "DomainModels")
    refused(lambda: DomainModels.from_pretrained(out / "general"), "is no customised folder")
    refused(lambda: PreferenceModel.from_pretrained(out / "general", domain="academy"), "is no customised folder")
    refused(lambda: PreferenceModel.from_pretrained("org/name", domain="academy"), "is no customised folder")
    for name in (*RESERVED, ""):
        with pytest.raises(DomainError, match="cannot be called"):
            domain_folder(out, name)


def test_without_a_general_model_whole_models_alone_can_be_used(customized, tmp_path):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    shutil.rmtree(out / "general")
    models = DomainModels.from_pretrained(out)
    assert list(models) == ["academy", "business", "poetry"]
    assert models["poetry"].states(GROUPS[0]).shape == (2, 4)
    refused(lambda: models.own, "no general model", "academy, business, poetry")
    refused(lambda: PreferenceModel.from_pretrained(out), "no general model")
    refused(lambda: models["general"], "no general model")
    refused(lambda: models["academy"], "general")


def test_a_shared_model_is_neither_saved_nor_moved_by_accident(customized, tmp_path):
    models = DomainModels.from_pretrained(customized("llama"))
    for model in (models["academy"], models.own):
        refused(lambda model=model: model.save_pretrained(tmp_path / "saved"), "shares its weights", "domain=")
        assert not list((tmp_path / "saved").glob("*.safetensors"))
    for model in (models["general"], models["academy"], models.own):
        refused(lambda model=model: model.to("cpu"), "shares its weights", "device=")
    assert isinstance(models.own, OwnDomains)


def test_only_a_model_with_adapters_is_saved_as_one(customized, built, tmp_path):
    refused(lambda: save_adapter(built("llama"), tmp_path / "a"), "has no adapters")
    whole = domain_folder(customized("llama"), "poetry")
    refused(lambda: save_adapter(adapted(whole, "x", rank=2), whole), "holds a whole model")
    refused(lambda: built("llama").save_pretrained(domain_folder(customized("llama"), "academy")), "holds an adapter")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "adapter_model.safetensors").unlink(), "adapter_model.safetensors"),
        (lambda f: (f / "adapter_model.safetensors").write_text("no tensors"), "academy"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "academy"),
        (lambda f: (f / "config.json").write_text("{"), "academy"),
        (lambda f: edit(f / "adapter_config.json", '"use_dora": false', '"use_dora": true'), "no plain LoRA"),
        (lambda f: edit(f / "adapter_config.json", "../../general", "../../gone"), "gone"),
    ],
)
def test_a_damaged_adapter_is_refused_in_one_sentence(customized, tmp_path, change, words):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    change(domain_folder(out, "academy"))
    refused(lambda: DomainModels.from_pretrained(out)["academy"], words)
    refused(lambda: PreferenceModel.from_pretrained(out, domain="academy"), words)


def edit(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_an_adapter_of_another_base_is_refused_in_one_sentence(customized, tmp_path):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    shutil.rmtree(out / "general")
    shutil.copytree(customized("gpt2") / "general", out / "general")
    refused(lambda: DomainModels.from_pretrained(out)["academy"], "does not fit its base model")
    refused(lambda: PreferenceModel.from_pretrained(out, domain="academy"), "does not fit its base model")


def test_an_adapter_half_written_over_another_does_not_load(customized, tmp_path, monkeypatch):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    model = adapted(out / "general", "academy", rank=4)
    from polypref.models import folders

    def dies(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.os, "replace", dies)
    refused(lambda: save_adapter(model, domain_folder(out, "academy")), "No space left")
    monkeypatch.undo()
    assert not (domain_folder(out, "academy") / "adapter_config.json").exists()
    refused(lambda: PreferenceModel.from_pretrained(out, domain="academy"), "academy")


def test_a_new_adapter_half_written_is_no_model(customized, tmp_path):
    out = shutil.copytree(customized("llama"), tmp_path / "out")
    (domain_folder(out, "academy") / "adapter_config.json").unlink()  # what is written last
    assert "academy" not in domain_names(out)
