"""A GRPO run that asks the service for each sample by itself learns what one with the model in its process learns."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from polypref import PreferenceModel
from polypref.alignment.group_reward import GroupReward
from polypref.serving.cohorts import CohortSettings
from tests.serving.conftest import Running
from tests.training.conftest import make_backbone

Rewards = list[float]


def asked(running: Running, prompts: list[str], completions: list[str]) -> Rewards:
    """One request for each sample, all at once and in any order."""
    order = list(range(len(prompts)))
    random.Random(0).shuffle(order)

    async def one(client: httpx.AsyncClient, at: int) -> float:
        body = {"prompt": prompts[at], "response": completions[at], "label": None}
        answer = await client.post("/slime", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return float(answer.json())

    async def all_of_them(client: httpx.AsyncClient) -> Rewards:
        told = await asyncio.gather(*(one(client, at) for at in order))
        return [reward for _, reward in sorted(zip(order, told))]

    return running.run(all_of_them)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
def test_grpo_over_http_equals_grpo_in_process(
    serve: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    backbone = make_backbone("llama", tmp_path / "llama")
    model = PreferenceModel.from_backbone(backbone, "general", dim=4, seed=3)
    rows = [{"prompt": f"Question {at}?"} for at in range(8)]

    def learned(reward: Callable[[list[str], list[str]], Rewards]) -> tuple[list[Rewards], dict[str, torch.Tensor]]:
        told: list[Rewards] = []

        def spy(prompts: list[str], completions: list[str], **_: Any) -> Rewards:
            assert all(text.strip() for text in completions)
            told.append(reward(prompts, completions))
            return told[-1]

        set_seed(1)
        settings = trl.GRPOConfig(
            output_dir=str(tmp_path / "run"),
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=6,
            max_steps=3,
            learning_rate=1e-3,
            scale_rewards="none",
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            seed=1,
        )
        trainer = trl.GRPOTrainer(
            AutoModelForCausalLM.from_pretrained(backbone),
            reward_funcs=spy,
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(backbone),
        )
        trainer.train()
        return told, trainer.model.state_dict()

    here, weights = learned(GroupReward(model, num_generations=4))
    running = serve({"one": model}, cohort=CohortSettings(size=4, timeout=60, scale="group"))
    over_http, others = learned(lambda prompts, completions: asked(running, prompts, completions))
    assert len(here) == len(over_http) == 3
    np.testing.assert_allclose(over_http, here, atol=1e-5)
    assert np.std(here) > 0.1
    for name, tensor in weights.items():
        torch.testing.assert_close(others[name], tensor, atol=5e-5, rtol=0)  # Adam amplifies rounding
    start = AutoModelForCausalLM.from_pretrained(backbone).state_dict()
    assert max(float((weights[name] - start[name]).abs().max()) for name in start) > 1e-3, "something was learned"
