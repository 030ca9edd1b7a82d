"""How a model is shown: one line in a terminal, a table in a notebook."""

from __future__ import annotations

from copy import copy

from tests.test_notebook import read


def test_a_model_shows_its_head_backbone_and_size(built):
    model = copy(built("llama", "scalar"))  # the others use it as it is
    model.base, model.domain = "org/<script>", "<b>food</b>"
    weights = sum(parameter.numel() for parameter in model.encoder.parameters())
    size = f"{weights / 1e6:.1f} M weights on cpu"
    assert repr(model) == (
        f"PreferenceModel(ScalarHead(temperature=1.0), LlamaForSequenceClassification (org/<script>) of {size}, "
        f"inputs of up to {model.inputs.max_length:,} tokens, domain <b>food</b>)"
    )
    reader = read(model._repr_html_())
    assert not {"script", "b"} & {name for name, _ in reader.tags}
    assert reader.text == (
        "PreferenceModelheadScalarHead(temperature=1.0)backboneLlamaForSequenceClassification (org/<script>)"
        f"size{size}inputsup to {model.inputs.max_length:,} tokensdomain<b>food</b>"
    )
