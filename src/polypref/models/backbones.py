"""Backbones: any Hugging Face sequence classifier, with its tokenizer, by id, path or embedded name."""

from __future__ import annotations

import copy
import json
import logging as python_logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from polypref.errors import PolyprefError
from polypref.groups.model import shown
from polypref.models.embedded import BackboneError, resolve
from polypref.models.screening import check_config, check_size, check_weights

Dtype = Literal["float32", "bfloat16", "float16"]
Attention = Literal["auto", "sdpa", "flex_attention", "eager", "flash_attention_2"]
StateToken = Literal["checkpoint", "last", "before_padding"]
_LONGEST_REASON = 250  # characters of what a library says
TREES: tuple[Attention, ...] = ("auto", "sdpa", "flex_attention")  # under which decoders share prompts


@dataclass(frozen=True)
class BackboneSettings:
    """How a backbone is loaded."""

    dtype: Dtype = "float32"  # of the weights
    attention: Attention = "auto"  # prompts are shared under auto, sdpa and flex_attention
    quantization: Literal["4bit", "8bit"] | None = None  # with bitsandbytes, where the platform has it
    trust_remote_code: bool = False
    revision: str | None = None
    state_token: StateToken = "checkpoint"  # which token a decoder's logits are read off, see agree_on_padding
    dropout: bool = False  # in training, at the rates of the backbone's configuration


def load_classifier(name: str, width: int, settings: BackboneSettings) -> tuple[Any, Any]:
    """The model with a classification layer of `width` logits, new unless the checkpoint has one, and the tokenizer."""
    model, tokenizer, absent = _load(name, width, settings)
    inside = [key for key in absent if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key]
    if inside:
        raise BackboneError(f"the checkpoint {name!r} is no whole backbone: it has no {inside[0]} of the right shape")
    return model, tokenizer


def load_trained_classifier(name: str, width: int, settings: BackboneSettings) -> tuple[Any, Any]:
    """The same from a checkpoint that must hold every weight, its classification layer included."""
    model, tokenizer, absent = _load(name, width, settings)
    if absent:
        raise BackboneError(f"the checkpoint {name!r} is damaged: it has no {absent[0]} of the shape it should have")
    return model, tokenizer


def _load(name: str, width: int, settings: BackboneSettings) -> tuple[Any, Any, list[str]]:
    """Model, tokenizer and the names of the weights that the checkpoint did not hold, which are new."""
    check_weights(resolve(name))
    tokenizer = load_tokenizer(name, settings)
    config = load_config(name, settings)
    config.num_labels = width
    # a layer of another width is replaced by a new one
    model, absent = load_as(AutoModelForSequenceClassification, name, config, settings, ignore_mismatched_sizes=True)
    is_trained = not any(key.startswith("score.") for key in absent)
    agree_on_padding(model, tokenizer, settings.state_token, is_trained)
    return model, tokenizer, absent


def load_as(kind: Any, name: str, config: Any, settings: BackboneSettings, **options: Any) -> tuple[Any, list[str]]:
    """The model of a checkpoint as one of transformers' AutoModel classes makes it, and the names of the weights that
    the checkpoint did not hold, which are new."""
    place = resolve(name)
    check_weights(place)
    if not settings.dropout:
        set_dropout(config, dict.fromkeys(dropout_rates(config), 0.0))
    if settings.quantization:
        options["quantization_config"] = _quantization(settings.quantization)
    if settings.attention not in TREES:
        options["attn_implementation"] = settings.attention
    check_size(place, _weights_of(kind, config, name, settings))
    with plain_errors(name), quiet_loading():
        model, report = kind.from_pretrained(
            place,
            config=config,
            dtype=getattr(torch, settings.dtype),
            revision=settings.revision,
            trust_remote_code=settings.trust_remote_code,
            output_loading_info=True,
            use_safetensors=True,
            **options,
        )
    return model, sorted({*report["missing_keys"], *(entry[0] for entry in report["mismatched_keys"])})


def _weights_of(kind: Any, config: Any, name: str, settings: BackboneSettings) -> int:
    """How many weights the model of a configuration has; none is allocated."""
    with plain_errors(name), torch.device("meta"):
        skeleton: nn.Module = kind.from_config(copy.deepcopy(config), trust_remote_code=settings.trust_remote_code)
    return sum(parameter.numel() for parameter in skeleton.parameters())


def load_config(name: str, settings: BackboneSettings) -> Any:
    """The configuration of a checkpoint, its `polypref` block included."""
    place = resolve(name)
    check_config(place)
    with plain_errors(name):
        return AutoConfig.from_pretrained(
            place, revision=settings.revision, trust_remote_code=settings.trust_remote_code
        )


def load_tokenizer(name: str, settings: BackboneSettings) -> Any:
    """The tokenizer of a checkpoint."""
    with plain_errors(name):
        return AutoTokenizer.from_pretrained(
            resolve(name), revision=settings.revision, trust_remote_code=settings.trust_remote_code
        )


def dropout_rates(config: Any) -> dict[str, float]:
    """Every rate of dropout that a configuration names, zeros included."""
    settings = config.get_text_config().to_dict()
    return {name: rate for name, rate in settings.items() if "drop" in name and isinstance(rate, float)}


def set_dropout(config: Any, rates: dict[str, float]) -> None:
    """Give a configuration other rates of dropout; layers read theirs when they are built, some when they run."""
    for name, rate in rates.items():
        setattr(config.get_text_config(), name, rate)


@contextmanager
def with_dropout(config: Any, rates: dict[str, float]) -> Iterator[None]:
    """A configuration with other rates, as it is to be saved."""
    used = dropout_rates(config)
    set_dropout(config, rates)
    try:
        yield
    finally:
        set_dropout(config, used)


def state_layer(model: Any) -> nn.Linear:
    """The last linear layer of a classifier, which makes states of features."""
    base = {id(part) for part in model.base_model.modules()}
    return [part for part in model.modules() if isinstance(part, nn.Linear) and id(part) not in base][-1]


def renew_state_layer(model: Any) -> None:
    """Draw the weights of the state layer as those of a new one."""
    layer = state_layer(model)
    nn.init.normal_(layer.weight, std=model.config.get_text_config().to_dict().get("initializer_range", 0.02))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def reads_last_token(model: Any) -> bool:
    """Whether a classifier reads its logits off the last token, as decoders do; the layer is called `score`."""
    return any(name == "score" and isinstance(part, nn.Linear) for name, part in model.named_children())


def _quantization(bits: str) -> Any:
    if not torch.cuda.is_available():
        raise BackboneError(f"{bits} weights need a CUDA device, and this machine has none; leave quantization out")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=bits == "4bit", load_in_8bit=bits == "8bit", bnb_4bit_compute_dtype=torch.bfloat16
    )


def agree_on_padding(model: Any, tokenizer: Any, state_token: StateToken, is_trained: bool) -> None:
    """A classifier finds the last token by its padding token, so model and tokenizer must name the same one.

    That which the checkpoint's configuration names was there in training; the tokenizer's is taken where it names none.
    Yet a decoder whose configuration names none reads the very last token. Where its classification layer is trained,
    and texts may end in what serves for padding, it goes on to do so: then the configuration names none still. It
    says the same of a token that is chosen, so that the saved model is read as this one.
    """
    config, is_decoder = model.config.get_text_config(), reads_last_token(model)
    if state_token != "checkpoint" and not is_decoder:
        raise BackboneError(f"state_token is {state_token!r}, yet {type(model).__name__} reads no single last token")
    named = config.pad_token_id
    if named is not None and 0 <= named < len(tokenizer):
        if tokenizer.pad_token_id != named:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(named)
        reads_last = state_token == "last"
    else:
        is_borrowed = tokenizer.pad_token is None
        if is_borrowed:
            tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
        if tokenizer.pad_token is None:
            raise BackboneError("the tokenizer has no padding, unknown or end token that could serve for padding")
        may_end = is_borrowed or tokenizer.pad_token_id == tokenizer.eos_token_id
        by_default = state_token == "checkpoint" and is_decoder and is_trained and may_end
        reads_last = state_token == "last" or by_default
    config.pad_token_id = None if reads_last else tokenizer.pad_token_id


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without transformers' report on the classification layer being new, which it is meant to be, and its bars."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(python_logging.ERROR)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def plain_errors(name: str) -> Iterator[None]:
    """What transformers and safetensors raise about a checkpoint, as one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except PolyprefError:
        raise
    except RecursionError as error:
        raise BackboneError(f"cannot load {_named(name)}: a file in it is nested too deeply") from error
    except (SafetensorError, json.JSONDecodeError) as error:
        raise BackboneError(f"the checkpoint {_quoted(name)} is damaged: {_first_line(error)}") from error
    except Exception as error:  # whatever a library makes of a stranger's files
        raise BackboneError(f"cannot load {_named(name)}: {_first_line(error)}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # which Rust's libraries raise, and is no Exception
            raise
        raise BackboneError(f"cannot load {_named(name)}: {_first_line(error)}") from error


def _named(name: str) -> str:
    return f"the {'folder' if os.path.exists(name) else 'model'} {_quoted(name)}"


def _quoted(name: str) -> str:
    return repr(name) if len(name) <= _LONGEST_REASON else shown(name)


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def is_classifier(config: Any) -> bool:
    """Whether a checkpoint holds a classification layer."""
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or ())


def move_to(classifier: Any, device: str | torch.device) -> None:
    """Put a classifier on a device; one that there is not, or one for quantised weights, gets one sentence."""
    try:
        classifier.to(device)
    except (RuntimeError, AssertionError, ValueError) as error:  # torch asserts that it was built for the device
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(f"cannot put the model on the device {str(device)!r}: {reason}") from error
