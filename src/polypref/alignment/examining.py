"""The phase of examining: policies answer held-out prompts, and are measured beside each other."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from polypref.alignment.answering import draw
from polypref.alignment.measuring import Measured, measure
from polypref.alignment.run import BEFORE, FREE, Run, seed_of
from polypref.alignment.samples import Samples, load_samples, save_samples
from polypref.alignment.sampling import Sampling
from polypref.evaluation.tournament import PolicyGame, tournament
from polypref.files import write_whole
from polypref.models.preference_model import PreferenceModel

HELD_OUT, MEASURED, GAME = "held-out.jsonl", "measured.json", "game.json"


def examine(run: Run, iteration: int) -> Measured:
    """The policy after an iteration on held-out prompts, beside those before alignment and before the iteration."""
    samples = _answered(run, iteration)
    before = _answered(run, 0) if iteration else samples
    last = _answered(run, iteration - 1) if iteration > 1 else ()
    found = measure(samples, before, run.name_of(iteration), BEFORE, _judge(run), last)
    write_whole(run.folder(iteration) / MEASURED, json.dumps(asdict(found)) + "\n")
    if found.versus is not None and iteration:
        rate = found.versus.win_rate.value
        run.report.line(f"iteration {iteration}: wins {rate:.1%} against the policy before alignment")
    return found


def play(run: Run, iterations: Sequence[int]) -> PolicyGame | None:
    """The game between the policies after these iterations; None without a judge."""
    judge = _judge(run)
    if judge is None or len(iterations) < 2:
        return None
    policies = {run.name_of(at): [one.group for one in _answered(run, at)] for at in iterations}
    game = tournament(judge, policies)
    write_whole(run.out / GAME, json.dumps(game.to_dict()) + "\n")
    return game


def _answered(run: Run, iteration: int) -> list[Samples]:
    """The policy's answers to the held-out prompts, and how likely it and the one before alignment are to give them."""
    path = run.folder(iteration) / HELD_OUT
    if not path.exists():
        drawn = path.with_name("held-out-samples.jsonl")
        # at temperature 1, or log-ratios of samples would be no estimate of KL
        plain = Sampling(run.config.eval_count, run.config.sampling.max_tokens)
        if not drawn.exists():
            draw(run, iteration, run.held_out, plain, _stream(run, iteration), drawn)
        save_samples(run.with_log_probs(load_samples(drawn), (0, iteration)), path)
        drawn.unlink()
    return load_samples(path)


def _stream(run: Run, iteration: int) -> int:
    """Random numbers of this policy's own, also among runs of the same seed.

    A win rate is that of independent answers: two policies that drew theirs from the same numbers would say alike what
    they say alike in part, and win more or less often than they do.
    """
    elsewhere = {"policy", "guide", "prompts", "eval_prompts", "sft"}  # hold paths, and those differ between machines
    settings = run.config.model_dump(mode="json", exclude=set(FREE | elsewhere))
    names = [settings, [Path(guide).name for guide in run.guides]]
    return -1 - seed_of(iteration, zlib.crc32(json.dumps(names, sort_keys=True).encode()))


def _judge(run: Run) -> PreferenceModel | None:
    return None if run.config.judge is None else PreferenceModel.from_pretrained(run.config.judge)
