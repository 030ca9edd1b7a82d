"""The model card of a saved model: what it is, what it was trained on, how good it is, how others load it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypref.models.embedded import licence_of
from polypref.models.extra import EXTRA
from polypref.models.heads import Head
from polypref.models.inputs import InputFormat
from polypref.models.record import Record

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel

CARD = "README.md"
_MARK = re.compile(r"<!-- written by polypref \(([0-9a-f]{16})\); a card that is changed by hand is kept -->\n\Z")
_UNSHOWN = frozenset(("epoch", "runtime", "samples_per_second", "steps_per_second", "model_preparation_time"))

_USE = """\
## Use

```python
from polypref import Group, PreferenceModel

model = PreferenceModel.from_pretrained(".")  # this folder, or its id on the hub
model.preferences(Group("What is better?", ("This one.", "That one.")))  # P[i, j] = P(i ≻ j)
```

"""
_PEFT = """\
import os

from peft import PeftConfig, PeftModel
from transformers import AutoModelForSequenceClassification

path = "."  # this folder
base = PeftConfig.from_pretrained(path).base_model_name_or_path
base = os.path.join(path, base) if base.startswith(".") else base
classifier = AutoModelForSequenceClassification.from_pretrained(
    base, num_labels={width}, ignore_mismatched_sizes=True  # the layer of the adapter takes its place
)
classifier = PeftModel.from_pretrained(classifier, path).eval()
"""
_LOADING = """\
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

path = "."  # this folder, or its id on the hub
tokenizer = AutoTokenizer.from_pretrained(path)
classifier = AutoModelForSequenceClassification.from_pretrained(path).eval()

prompt = "What is better?"
responses = ["This one.", "That one.", "The third."]

"""
_CHAT = """\
def read(response):
    chat = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    with torch.no_grad():
        return classifier(**inputs).logits[0]

"""
_GATED_CHAT = """\
import os
from safetensors.torch import load_file

gate = load_file(os.path.join(path, "EXTRA"))  # reads the last hidden state of the prompt


def read(response):
    chat = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    opening = tokenizer.apply_chat_template(chat[:1], tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt", return_offsets_mapping=True)
    ends = inputs.pop("offset_mapping")[0, :, 1]  # of the tokens in the text
    last = int((ends <= len(os.path.commonprefix([opening, text]))).sum()) - 1  # token of the prompt
    with torch.no_grad():
        hidden = classifier.base_model(**inputs).last_hidden_state[0, last]
        weights = (gate["weight"] @ hidden + gate["bias"]).softmax(-1) * len(gate["bias"])
        return torch.cat([classifier(**inputs).logits[0], weights])

"""
_SEGMENTS = """\
def read(response):
    inputs = tokenizer(prompt, response, return_tensors="pt")
    with torch.no_grad():
        return classifier(**inputs).logits[0]

"""
_STATES = "states = torch.stack([read(response) for response in responses])  # [K, {width}]\n"
_PAIR_STATES = """\
texts = [[f"Response A:\\n{a}\\n\\nResponse B:\\n{b}" for b in responses] for a in responses]
states = torch.stack([torch.stack([read(text) for text in row]) for row in texts])  # [K, K, 1]
"""


def plain_code(head: Head, inputs: InputFormat, temperature: float = 1.0) -> str:
    """Python that computes `states` and `preferences` of a prompt's responses with transformers alone."""
    chat = _GATED_CHAT.replace("EXTRA", EXTRA) if head.extra_width else _CHAT
    states = _PAIR_STATES if head.joint else _STATES.format(width=head.state_width)
    return (
        _LOADING
        + (chat if inputs.layout == "chat" else _SEGMENTS)
        + states
        + head.in_plain_torch
        + _calibrated(temperature)
    )


def _calibrated(temperature: float) -> str:
    if temperature == 1:
        return ""
    return f"preferences = (preferences.logit() / {temperature}).sigmoid()  # calibrated on held-out groups\n"


def write_card(
    folder: Path, target: Path, model: PreferenceModel, training: Mapping[str, Any], adapter: bool = False
) -> None:
    """Write a card into `folder`, which will become `target`; a card there that a person wrote or changed stays."""
    if not is_ours(target / CARD):
        return
    text = model_card(model, training, adapter)
    mark = f"\n<!-- written by polypref ({_digest(text)}); a card that is changed by hand is kept -->\n"
    (folder / CARD).write_text(text + mark, encoding="utf-8")


def is_ours(card: Path) -> bool:
    """Whether a card may be replaced: there is none, or it is as it was written here."""
    if not card.exists():
        return True
    text = card.read_text(encoding="utf-8", errors="replace")
    mark = _MARK.search(text)
    return mark is not None and mark[1] == _digest(text[: mark.start() - 1])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def model_card(model: PreferenceModel, training: Mapping[str, Any], adapter: bool = False) -> str:
    """The text of a card, for a model and the record of its training, which is empty where nothing is known.

    That of an adapter is of what it makes of its base model, which polypref and peft load with it.
    """
    head, record = model.head, Record.model_validate(training)
    sections = [
        f"---\n{_metadata(model, record, adapter)}---\n",
        f"# A {head.name} preference model\n\n{_introduction(model)}",
        _training(record),
        _numbers(record),
        _loading_adapter(model.head.width) if adapter else _loading(model),
    ]
    return "\n".join(section for section in sections if section)


def _metadata(model: PreferenceModel, record: Record, adapter: bool) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        library_name="peft" if adapter else "transformers",
        pipeline_tag="text-classification",
        tags=["polypref", "reward-model", "preference-model", model.head.name],
        base_model=model.base,
        license=licence_of(model.base) if model.base else None,
        datasets=[source.name for source in record.data.sources if source.on_hub] or None if record.data else None,
    )
    return data.to_yaml() + "\n"


def _introduction(model: PreferenceModel) -> str:
    head, classifier = model.head, model.encoder.classifier
    reads = "two responses to a prompt" if head.joint else "a prompt and a response"
    base = f" on {model.base}" if model.base else ""
    settings = ", ".join(f"{name} {value}" for name, value in head.settings().items())
    return (
        f"A `{type(classifier).__name__}`{base} that reads {reads}, up to {model.inputs.max_length:,} tokens, and "
        f"makes {head.width:,} {'logit' if head.width == 1 else 'logits'}. A `{head.name}` head reads people's "
        f"preferences off these ({head.paper}{f'; {settings}' if settings else ''}). Made with polypref.\n"
    )


def _training(record: Record) -> str:
    lines = [f"- {name}: {value}" for name, value in record.others().items()]
    for what, data in (("trained on", record.data), ("held out", record.held_out)):
        if data is not None:
            counts = f"{data.groups:,} groups, {data.comparisons:,} comparisons, {data.ratings:,} ratings"
            lines.append(f"- {what}: {counts} (fingerprint `{data.fingerprint}`)")
            lines += [f"  - `{source.name}`" for source in data.sources]
    return "## Training\n\n" + "\n".join(lines) + "\n" if lines else ""


def _numbers(record: Record) -> str:
    rows = []
    for name, value in record.metrics.items():
        shown = name.removeprefix("eval_")
        if shown not in _UNSHOWN:
            between = " to ".join(f"{end:.4g}" for end in record.intervals.get(shown, ()))
            rows.append(f"| {shown} | {value:.4g} | {between} |")
    if not rows:
        return ""
    table = "\n".join(["| on held-out prompts | | 95 % interval |", "|---|---|---|", *rows])
    return f"## Numbers\n\n{table}\n\nIntervals resample prompts.\n"


def _loading_adapter(width: int) -> str:
    return (
        f"{_USE}These are low-rank adapters (LoRA) and a classification layer; the base model, whose place "
        f"`adapter_config.json` names, is loaded with them. With peft:\n\n```python\n{_PEFT.format(width=width)}```\n"
    )


def _loading(model: PreferenceModel) -> str:
    return (
        f"{_USE}Without polypref, with transformers alone (one input at a time, so that nothing is padded; polypref "
        f"also cuts what is longer than {model.inputs.max_length:,} tokens, from the left of the prompt first):\n\n"
        f"```python\n{plain_code(model.head, model.inputs, model.temperature)}```\n"
    )
