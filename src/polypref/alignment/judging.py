"""The phase of judging: what guides say of the samples, and how likely past policies are to give them."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from polypref.alignment.answering import said_of
from polypref.alignment.guidance import check_reward, leads
from polypref.alignment.run import AlignmentError, Run
from polypref.alignment.samples import Samples, differing, load_samples, save_samples
from polypref.evaluation.policies import NO_ANSWER
from polypref.groups.model import shown
from polypref.models.preference_model import PreferenceModel

_EMPTY = 0.5  # of the samples; more are no answers to learn from


def judge(run: Run, iteration: int) -> None:
    """What the guide says of the samples, and how likely the policies that the method looks at are to give them."""
    path = run.folder(iteration) / "judged.jsonl"
    if path.exists():
        return
    drawn = load_samples(run.folder(iteration) / "samples.jsonl")
    samples = differing([said for said in map(said_of, drawn) if said is not None])
    _check(run, drawn, samples)
    samples = _judged(run, samples)
    past = range(max(iteration - run.method.remembers, 0), iteration)
    save_samples(run.with_log_probs(samples, {*past, run.reference_at(iteration)}), path)


def _check(run: Run, drawn: Sequence[Samples], kept: Sequence[Samples]) -> None:
    texts = [text for one in drawn for text in one.group.responses]
    silent = sum(text == NO_ANSWER for text in texts)
    if silent > _EMPTY * len(texts):
        raise AlignmentError(
            f"{silent:,} of {len(texts):,} samples are empty: the policy ends before it says anything; tune it "
            "first (sft), or look at its chat template"
        )
    if not kept:
        raise AlignmentError(
            "all samples of every prompt are equal, of which nothing can be learned: raise sampling.temperature, "
            "or begin with a policy that is less sure"
        )
    if len(kept) < len(drawn):
        run.report.line(
            f"{len(drawn) - len(kept):,} of {len(drawn):,} prompts have no two different samples, and are left out"
        )


def _judged(run: Run, samples: Sequence[Samples]) -> list[Samples]:
    """With log-odds between the samples, the mean over guides, and rewards by each guide."""
    groups = [one.group for one in samples]
    log_odds, rewards = [], []
    for name in run.guides:
        guide = run.given or PreferenceModel.from_pretrained(name)
        if isinstance(guide, PreferenceModel):
            check_reward(run.config.reward, guide.head, run.config.share)
        answers = [answer for _, answer in guide.encode(groups)]
        log_odds.append([leads(answer, run.config.reward, run.config.share) for answer in answers])
        # the mean lead is a number of a response up to a constant; log-odds have it of their own
        by_reward = [matrix.mean(axis=1) for matrix in log_odds[-1]]
        own = [answer.scores(len(group)) for group, answer in zip(groups, answers)]
        rewards.append(own if run.config.reward == "log-odds" else by_reward)
        del guide
        gc.collect()
    judged = [
        replace(one, log_odds=np.mean(matrices, axis=0), rewards=np.array(utilities))
        for one, matrices, utilities in zip(samples, zip(*log_odds), zip(*rewards))
    ]
    bad = next((one for one in judged if one.log_odds is not None and not np.isfinite(one.log_odds).all()), None)
    if bad is not None:
        raise AlignmentError(
            f"the guide gives NaN or infinity for samples of the prompt {shown(bad.group.prompt_text)}: it has "
            "diverged in its training, or cannot read them"
        )
    return judged
