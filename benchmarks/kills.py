"""Alignment killed at random moments of every phase, twenty times: it ends with the weights of an undisturbed run."""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from polypref import Comparison, Group, PreferenceModel
from polypref.alignment import recipe, run
from polypref.alignment.config import AlignmentConfig, make_alignment_config
from polypref.groups.writing import save_groups

PHASES = {"tune": run, "answer": recipe, "judge": recipe, "learn": recipe, "examine": recipe}
NAMES = dict(zip(PHASES, ("sft", "sample", "judge", "fit", "measure")))


def make_policy(folder: Path) -> str:
    """A language model of some 20,000 random weights, which reads bytes."""
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    letters = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({token: at for at, token in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    config = LlamaConfig(
        vocab_size=len(letters),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.2,
    )
    torch.manual_seed(3)
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=made, **special).save_pretrained(folder)
    return str(folder)


def make_settings(place: Path, **changes: Any) -> AlignmentConfig:
    """A short run in all phases, with a guide and a judge of random weights."""
    policy = make_policy(place / "begin")
    for seed, name in enumerate(("guide", "judge")):
        model = PreferenceModel.from_backbone(policy, "general", dim=4, seed=seed)
        with torch.no_grad():
            model.encoder.state_layer.weight.mul_(3)
        model.save_pretrained(place / name)
    best = [Group(f"Question {at}?", ("yes", "no"), (Comparison(0, 1, 1.0),)) for at in range(24)]
    save_groups(best, place / "prompts.jsonl")
    prompts = [str(place / "prompts.jsonl")]
    given = {
        "policy": policy,
        "guide": str(place / "guide"),
        "judge": str(place / "judge"),
        "prompts": prompts,
        "sft": {"data": prompts, "batch_size": 2, "epochs": 2, "save_steps": 3},
        "method": "egpo",
        "method_settings": {"beta": 1.0},
        "iterations": 2,
        "sampling": {"count": 4, "max_tokens": 8, "prompts_per_batch": 4},
        "fit": {"learning_rate": 3e-3, "batch_size": 2, "epochs": 4, "save_steps": 4},
        "eval_share": 0.25,
        "max_length": 96,
    }
    return make_alignment_config({**given, **changes})


def begun(config: AlignmentConfig) -> tuple[int, int]:
    """A process that aligns and says in a pipe which phase begins: its id, and where to read."""
    reads, writes = os.pipe()
    child = os.fork()
    if child:
        os.close(writes)
        return child, reads
    status = 1
    try:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        for at, (name, module) in enumerate(PHASES.items()):
            setattr(module, name, _announcing(getattr(module, name), at, writes))
        recipe.align(config)
        status = 0
    finally:
        os._exit(status)


def _announcing(phase: Any, at: int, writes: int) -> Any:
    def announced(*given: Any) -> Any:
        os.write(writes, bytes([at]))
        return phase(*given)

    return announced


def durations(config: AlignmentConfig) -> dict[str, float]:
    """Of an undisturbed run: the seconds from the first beginning of each phase to what follows it."""
    child, reads = begun(config)
    found: dict[str, float] = {}
    last, since = None, time.monotonic()
    while True:
        said = os.read(reads, 1)
        if last is not None:
            found.setdefault(last, time.monotonic() - since)
        if not said:
            break
        last, since = list(PHASES)[said[0]], time.monotonic()
    os.close(reads)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the undisturbed run failed")
    return found


def killed(config: AlignmentConfig, phase: str, after: float) -> bool:
    """Begin or go on, and kill it so many seconds into a phase; whether it was still in that phase."""
    child, reads = begun(config)
    asked, current, until = list(PHASES).index(phase), None, float("inf")
    while (left := until - time.monotonic()) > 0:
        if select.select([reads], [], [], None if left == float("inf") else left)[0]:
            said = os.read(reads, 1)
            if not said:
                break
            current = said[0]
            if current == asked and until == float("inf"):
                until = time.monotonic() + after
    os.kill(child, signal.SIGKILL)
    os.close(reads)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1]) and current == asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="without adapters, and as many with")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    draw = random.Random(0)
    for title, changes in (("all weights", {}), ("adapters", {"lora": {"rank": 4}})):
        with tempfile.TemporaryDirectory() as folder:
            config = make_settings(Path(folder), out=f"{folder}/straight", **changes)
            seconds = durations(config)
            straight = load_file(f"{folder}/straight/iteration-2/policy/model.safetensors")
            hits, equal, runs = dict.fromkeys(PHASES, 0), 0, -(-arguments.kills // len(PHASES))
            for at in range(runs):
                again = config.model_copy(update={"out": f"{folder}/{at}"})
                for phase in PHASES:  # one after the other, in one run
                    hits[phase] += killed(again, phase, draw.random() * seconds[phase])
                durations(again)
                found = load_file(f"{folder}/{at}/iteration-2/policy/model.safetensors")
                equal += all(torch.equal(found[name], value) for name, value in straight.items())
            within = ", ".join(f"{NAMES[phase]} {count}" for phase, count in hits.items())
            print(f"{title}: {runs * len(PHASES)} kills, within the phase that was meant: {within}")
            print(f"{title}: {equal} of {runs} killed runs ended with the weights of the undisturbed one", flush=True)


if __name__ == "__main__":
    main()
