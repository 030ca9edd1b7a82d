"""The phase of sampling: a policy answers prompts, and what it said is written as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polypref.alignment.run import Run, seed_of
from polypref.alignment.samples import Samples, load_samples, save_samples
from polypref.alignment.sampling import Sampling, sample
from polypref.evaluation.policies import NO_ANSWER
from polypref.groups.model import Group
from polypref.models.causal import LanguageModel


def answer(run: Run, iteration: int) -> None:
    """The last policy answers; an offline method learns from answers of the reference."""
    path = run.folder(iteration) / "samples.jsonl"
    if path.exists():
        return
    source = iteration - 1 if run.method.samples == "policy" else run.reference_at(iteration)
    chosen = run.chosen(iteration)
    run.report.line(f"iteration {iteration}: {len(chosen):,} prompts, {run.config.sampling.count} samples of each")
    draw(run, source, chosen, run.sampling, iteration, path)


def draw(run: Run, policy: int, prompts: Sequence[Group], how: Sampling, stream: int, path: Path) -> None:
    """Sample and write, a batch of prompts at a time; what a killed run has drawn is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = run.config.sampling.prompts_per_batch
    model, drawn = run.load(policy), list[Samples]()
    with model.ordinary() as language_model:
        for start in range(0, len(prompts), size):
            part = path.with_name(f"{path.stem}.{start}.jsonl")
            if not part.exists():
                batch = prompts[start : start + size]
                opened = [model.prompt_tokens(group.prompt, how.max_tokens).tolist() for group in batch]
                seeds = [seed_of(run.config.seed, stream, start + at) for at in range(len(batch))]
                answers = sample(language_model, opened, how, model.ends, seeds)
                save_samples(
                    [Samples.of(group, said, _texts(model, said)) for group, said in zip(batch, answers)], part
                )
            drawn += load_samples(part)
            run.report.step(min(start + size, len(prompts)), len(prompts))
    save_samples(drawn, path)
    for part in path.parent.glob(f"{path.stem}.*.jsonl"):
        part.unlink()


def _texts(model: LanguageModel, samples: Sequence[Any]) -> list[str]:
    texts = model.tokenizer.batch_decode([one.tokens for one in samples], skip_special_tokens=True)
    return [text.strip() or NO_ANSWER for text in texts]


def said_of(one: Samples) -> Samples | None:
    """Without empty answers; None where nothing is left."""
    kept = [at for at, text in enumerate(one.group.responses) if text != NO_ANSWER]
    if not kept:
        return None
    group = replace(one.group, responses=tuple(one.group.responses[at] for at in kept))
    return Samples(group, tuple(one.tokens[at] for at in kept), tuple(one.ended[at] for at in kept))
