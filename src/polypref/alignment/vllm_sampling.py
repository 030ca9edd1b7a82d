"""Sampling K responses per prompt with vLLM, for GPUs: what `sampling.sample` does, by another engine.

Written against the offline interface of vLLM's V1 engine, versions 0.22 to 0.31: `LLM`, `SamplingParams`, and the
`finish_reason`, `stop_reason` and `token_ids` of `CompletionOutput`. It is checked against that interface in a
stand-in, and was not run with vLLM itself.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from polypref.alignment.sampling import Sample, Sampling
from polypref.errors import PolyprefError
from polypref.models.backbones import BackboneSettings
from polypref.models.embedded import resolve


@contextmanager
def engine(
    name: str, *, max_length: int, loading: BackboneSettings | None = None, memory: float = 0.9, **settings: Any
) -> Iterator[Any]:
    """A language model by name or path in vLLM, which gets the share `memory` of the GPU's; released at the end.

    `max_length` counts the tokens of a prompt and its answer; `settings` are others of `vllm.LLM`, such as
    `tensor_parallel_size`.
    """
    loading = loading or BackboneSettings()
    found = _vllm().LLM(
        model=resolve(name),
        dtype=loading.dtype,
        trust_remote_code=loading.trust_remote_code,
        revision=loading.revision,
        max_model_len=max_length,
        gpu_memory_utilization=memory,
        enable_prefix_caching=True,  # a prompt is computed once for all its samples
        **settings,
    )
    try:
        yield found
    finally:
        found.llm_engine.engine_core.shutdown()  # its process holds the GPU's memory for as long as anybody names it
        del found
        gc.collect()


def sample(
    engine: Any, prompts: Sequence[Sequence[int]], settings: Sampling, ends: Sequence[int], seeds: Sequence[int]
) -> list[list[Sample]]:
    """`settings.count` samples for each prompt, given as tokens, from an `engine`.

    `ends` are the tokens that end a response, and no others do. A prompt's samples depend on its own seed, up to what
    rounding of another batch may turn; they are others than those of transformers with the same seed.
    """
    if not prompts:
        return []
    make = _vllm().SamplingParams
    parameters = [
        make(
            n=settings.count,
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_tokens=settings.max_tokens,
            seed=_first_seed(seed),
            stop_token_ids=list(ends),
            ignore_eos=True,
            detokenize=False,
        )
        for seed in seeds
    ]
    asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
    answered = engine.generate(asked, sampling_params=parameters, use_tqdm=False)
    return [[_sample(one) for one in sorted(request.outputs, key=lambda one: one.index)] for request in answered]


def check_installed() -> None:
    """Refuse where there is no vLLM."""
    _vllm()


def _vllm() -> Any:
    try:
        import vllm
    except ImportError:
        raise PolyprefError(
            "vLLM is not installed; install it with pip install vllm where there is a GPU, or sample with transformers"
        ) from None
    return vllm


def _first_seed(seed: int) -> int:
    """That of a prompt's first sample; vLLM counts on from it, so those of other prompts have to be far away."""
    return int(np.random.default_rng(seed).integers(1 << 31))


def _sample(output: Any) -> Sample:
    """One output of vLLM, whose tokens end with the one that ended it."""
    tokens = tuple(map(int, output.token_ids))
    if output.finish_reason == "length":
        return Sample(tokens, "length")
    if output.finish_reason != "stop":
        raise PolyprefError(f"vLLM gave up a sample after {len(tokens):,} tokens: {output.finish_reason}")
    if tokens[-1:] != (output.stop_reason,):
        tokens = (*tokens, int(output.stop_reason))
    return Sample(tokens, "end")
