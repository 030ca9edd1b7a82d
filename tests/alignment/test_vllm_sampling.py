"""What is asked of vLLM, and what is made of its answers, with a stand-in that has its interface."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from polypref import Group
from polypref.alignment.config import make_alignment_config
from polypref.alignment.recipe import align
from polypref.alignment.samples import load_samples
from polypref.alignment.sampling import Sample, Sampling
from polypref.alignment.vllm_sampling import engine, sample
from polypref.errors import PolyprefError
from polypref.evaluation.prediction import Prediction
from polypref.groups.writing import save_groups
from polypref.models.backbones import BackboneSettings

END, EOS = 7, 2


@dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    detokenize: bool = True


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    cumulative_logprob: float | None = None
    logprobs: Any = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput] = field(default_factory=list)


class LLM:
    """Draws tokens below 10 at random; like the V1 engine, sample i of a request has the seed of the request plus i."""

    stopped: ClassVar[list[str]] = []

    def __init__(self, model: str, *, dtype: str = "auto", trust_remote_code: bool = False, **others: Any) -> None:
        known = {"revision", "max_model_len", "gpu_memory_utilization", "enable_prefix_caching", "tensor_parallel_size"}
        assert others.keys() <= known
        self.llm_engine = SimpleNamespace(engine_core=SimpleNamespace(shutdown=lambda: LLM.stopped.append(model)))
        self.model, self.settings = model, {"dtype": dtype, **others}

    def generate(self, prompts, sampling_params=None, *, use_tqdm=True, lora_request=None):
        assert all(prompt.keys() == {"prompt_token_ids"} for prompt in prompts)
        assert len(prompts) == len(sampling_params)
        return [self._answer(prompt["prompt_token_ids"], given) for prompt, given in zip(prompts, sampling_params)]

    def _answer(self, prompt, given):
        outputs = []
        for index in range(given.n):
            draw, tokens, reason = random.Random(given.seed + index), [], ("length", None)
            while len(tokens) < given.max_tokens:
                tokens.append(draw.randrange(1, 10))
                if tokens[-1] in given.stop_token_ids:
                    reason = ("stop", tokens[-1])
                    break
                if tokens[-1] == EOS and not given.ignore_eos:
                    reason = ("stop", None)
                    break
            outputs.append(CompletionOutput(index, "", tokens, finish_reason=reason[0], stop_reason=reason[1]))
        return RequestOutput(prompt, outputs[::-1])


@pytest.fixture
def vllm(monkeypatch):
    module = ModuleType("vllm")
    module.LLM, module.SamplingParams = LLM, SamplingParams
    monkeypatch.setitem(sys.modules, "vllm", module)
    return module


def test_samples_end_by_the_ends_alone_or_by_their_length(vllm) -> None:
    with engine("some/model", max_length=64) as loaded:
        drawn = sample(loaded, [[1, 2], [3]], Sampling(40, 6), [END], [0, 1])
    assert [len(samples) for samples in drawn] == [40, 40]
    for one in drawn[0] + drawn[1]:
        assert END not in one.tokens[:-1]
        assert one.ended == ("end" if one.tokens[-1] == END else "length")
        assert len(one.tokens) == 6 or one.ended == "end"
    assert any(EOS in one.tokens[:-1] for one in drawn[0])  # which is no end unless it is named
    assert {one.ended for one in drawn[0]} == {"end", "length"}


def test_samples_depend_on_the_seed_of_their_prompt_alone(vllm) -> None:
    loaded = LLM("some/model")
    together = sample(loaded, [[1], [1], [2]], Sampling(8, 6), [END], [5, 6, 7])
    assert together[1:2] == sample(loaded, [[1]], Sampling(8, 6), [END], [6])
    assert not set(together[0]) & set(together[1])  # neighbouring seeds share no sample
    assert sample(loaded, [], Sampling(8, 6), [END], []) == []


def test_the_engine_is_loaded_as_asked(vllm) -> None:
    loading = BackboneSettings(dtype="bfloat16", revision="main")
    with engine("some/model", max_length=64, loading=loading, memory=0.5, tensor_parallel_size=2) as loaded:
        assert loaded.model == "some/model"
        assert loaded.settings == {
            "dtype": "bfloat16",
            "revision": "main",
            "max_model_len": 64,
            "gpu_memory_utilization": 0.5,
            "enable_prefix_caching": True,
            "tensor_parallel_size": 2,
        }
    assert LLM.stopped[-1] == "some/model"


def test_a_left_out_end_is_put_back_and_a_sample_that_was_given_up_is_refused(vllm, monkeypatch) -> None:
    def answer(finish, stop):
        outputs = [CompletionOutput(0, "", [4, 5], finish_reason=finish, stop_reason=stop)]
        monkeypatch.setattr(LLM, "generate", lambda *_, **__: [RequestOutput([1], outputs)])
        return sample(LLM("some/model"), [[1]], Sampling(1, 6), [END], [0])

    assert answer("stop", END) == [[Sample((4, 5, END), "end")]]
    with pytest.raises(PolyprefError, match="vLLM gave up a sample after 2 tokens: abort"):
        answer("abort", None)


def test_without_vllm_one_sentence_says_so(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(PolyprefError, match="vLLM is not installed; install it with"):
        sample(None, [[1]], Sampling(), [END], [0])


def test_align_samples_with_it(vllm, tiny_lm, tmp_path) -> None:
    """All weights and adapters, of which vLLM gets whole models; then those are deleted."""
    save_groups([Group(f"Question {at}?", ("any",)) for at in range(4)], tmp_path / "prompts.jsonl")

    class ByLength:
        def encode(self, groups):
            for group in groups:
                lengths = np.array([len(text.encode()) for text in group.responses], dtype=float)
                yield group, Prediction(log_odds=lengths[:, None] - lengths)

    for at, lora in enumerate((None, {"rank": 2})):
        LLM.stopped.clear()
        out = tmp_path / str(at)
        config = make_alignment_config(
            {
                "policy": tiny_lm,
                "guide": "handed over",
                "prompts": str(tmp_path / "prompts.jsonl"),
                "iterations": 2,
                "sampling": {"engine": "vllm", "count": 4, "max_tokens": 6, "vllm": {"memory": 0.4}},
                "lora": lora,
                "eval_share": 0.0,
                "max_length": 64,
                "out": str(out),
            }
        )
        align(config, guide=ByLength())
        assert LLM.stopped[0] == tiny_lm
        assert (LLM.stopped[1] == str(out / "iteration-1" / "policy")) is (lora is None)
        assert len(LLM.stopped) == 2
        assert not list(out.glob(".policy-*"))
        drawn = load_samples(out / "iteration-2" / "samples.jsonl")
        assert max(max(tokens) for one in drawn for tokens in one.tokens) < 10  # the stand-in's


def test_align_says_so_before_it_begins(tiny_lm, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    given = {"policy": tiny_lm, "guide": "guide", "prompts": "p.jsonl", "sampling": {"engine": "vllm"}}
    with pytest.raises(PolyprefError, match="vLLM is not installed"):
        align(make_alignment_config({**given, "out": str(tmp_path / "out")}))
    assert not (tmp_path / "out").exists()
