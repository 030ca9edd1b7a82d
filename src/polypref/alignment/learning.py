"""The phase of learning: the next policy, fitted to what was judged, or made by one of TRL's trainers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import cast

import torch

from polypref.alignment.fit_checkpoints import FitCheckpoints
from polypref.alignment.fitting import fit, mean_step
from polypref.alignment.reinforcement import Reinforcement, Trainer, reinforce
from polypref.alignment.run import FIT, POLICY, AlignmentError, Run, seed_of
from polypref.alignment.samples import load_samples
from polypref.files import write_whole
from polypref.models.customized import ADAPTER
from polypref.models.folders import LAST
from polypref.models.lm_adapters import save_adapter
from polypref.models.lora import Lora

_STANDING = "fit"  # the folder of what a fit goes on from


def learn(run: Run, iteration: int) -> None:
    """The next policy."""
    folder = run.folder(iteration)
    checkpoints = FitCheckpoints(folder / _STANDING, run.config.fit.save_steps)
    adapter = run.adapter_of(iteration)
    if (adapter / ADAPTER if adapter else folder / POLICY / LAST).exists():
        checkpoints.remove()
        return
    samples = load_samples(folder / "judged.jsonl")
    settings = run.config.fit
    seed = seed_of(run.config.seed, iteration, 1 << 20)
    past = [run.name_of(at) for at in range(iteration - 1, -1, -1)][: run.method.remembers]
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # adapters are drawn, and a run may begin here
        model = run.load(iteration - 1, learns=True)
    reference, room = run.name_of(run.reference_at(iteration)), run.config.sampling.max_tokens
    told = fit(model, run.method, samples, past, reference, iteration, settings, room, seed, checkpoints)
    found = mean_step(told)
    share = found["achieved"]
    met = "the guide sees no difference" if share is None else f"{share:.0%} of them achieved"
    run.report.line(f"iteration {iteration}: targets of {found['target']:.3g} nats, {met}")
    write_whole(folder / FIT, json.dumps({**found, "log": [asdict(step) for step in told]}) + "\n")
    if adapter:
        save_adapter(model, adapter, run.base)
    else:
        model.save_pretrained(folder / POLICY)
    checkpoints.remove()


def write_whole_policies(run: Run, last: int) -> None:
    """The policies of adapters as models that transformers loads: the last, or all."""
    lora = run.config.lora
    for iteration in range(1, last + 1) if lora is not None and lora.merge == "all" else [last]:
        place = run.policy_of(iteration)
        if run.adapter_of(iteration) and not (place / LAST).exists():
            run.load(iteration, whole=True).save_pretrained(place)


def learn_by_trainer(run: Run) -> None:
    """The policy that TRL's trainer makes of the one before alignment."""
    config, settings = run.config, run.config.fit
    if len(run.guides) > 1:
        raise AlignmentError(f"{run.trainer} follows one guide, not {len(run.guides)}: name one")
    lora = config.lora
    how = Reinforcement(
        sampling=run.sampling,
        share=config.share,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        max_length=config.max_length,
        lora=Lora(lora.rank, lora.alpha, lora.targets or "all-linear") if lora else None,
        seed=config.seed,
        trainer={
            "max_grad_norm": settings.max_grad_norm,
            "lr_scheduler_type": settings.schedule,
            "weight_decay": settings.weight_decay,
        },
        **config.method_settings,
    )
    reinforce(
        str(run.policy_of(0)) if config.sft is not None else config.policy,
        run.preference_model(),
        run.prompts,
        run.folder(1) / POLICY,
        trainer=cast(Trainer, run.trainer),
        reward=config.reward,
        settings=how,
        loading=run.loading,
        report=run.report,
    )
