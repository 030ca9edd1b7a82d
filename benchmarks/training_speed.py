"""Training speed and memory beside TRL's RewardTrainer: same backbone, pairs, precision, optimiser and threads.

Each contender trains in a process of its own, in turns; the first step of each is not counted. TRL runs with its
default gradient checkpointing and without; a contender that needs more memory than there is, is reported as such.
Needs `pip install trl==1.16.*`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contending import clock, measured

from polypref import Comparison, Group, load_groups

CONTENDERS = ("polypref", "trl", "trl-no-checkpointing")


def steps_of(data: str, groups: int, comparisons: int, steps: int) -> list[Group]:
    """What each of the steps trains on, one after the other: `groups` prompts with `comparisons` hard votes each."""
    able = (_first(group, comparisons) for group in load_groups(data, skip_bad=True))
    chosen = itertools.islice((group for group in able if len(group.comparisons) == comparisons), groups * steps)
    return list(chosen)


def _first(group: Group, comparisons: int) -> Group:
    chosen = [c for c in group.comparisons if c.p != 0.5][:comparisons]
    used = sorted({at for c in chosen for at in (c.i, c.j)})
    at = {old: new for new, old in enumerate(used)}
    # whole votes, which is all that TRL can learn from
    hard = [Comparison(at[c.i], at[c.j]) if c.p > 0.5 else Comparison(at[c.j], at[c.i]) for c in chosen]
    return Group(group.prompt, tuple(group.responses[old] for old in used), tuple(hard), id=group.id)


def run_polypref(settings: dict[str, Any], work: list[Group]) -> list[float]:
    import torch

    from polypref.training.config import make_config
    from polypref.training.recipe import train

    torch.set_num_threads(settings["threads"])
    watch = clock()
    with tempfile.TemporaryDirectory() as folder:
        config = make_config(
            {
                "backbone": settings["backbone"],
                "head": "scalar",
                "max_length": settings["max_length"],
                "batch_size": settings["groups"],
                "learning_rate": 1e-5,
                "state_layer_rate": 1.0,
                "precision": settings["precision"],
                "tokens_per_pass": settings["tokens_per_pass"],
                "out": f"{folder}/out",
                "trainer": {"save_strategy": "no", "train_sampling_strategy": "sequential"},
            }
        )
        train(config, work, [], watchers=[watch])
    return watch.seconds


def run_trl(settings: dict[str, Any], work: list[Group], checkpointing: bool) -> list[float]:
    import torch
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    from polypref.models.embedded import resolve
    from polypref.models.inputs import PLAIN_TEMPLATE

    torch.set_num_threads(settings["threads"])
    place = resolve(settings["backbone"])
    tokenizer = AutoTokenizer.from_pretrained(place)
    tokenizer.chat_template = tokenizer.chat_template or PLAIN_TEMPLATE
    model = AutoModelForSequenceClassification.from_pretrained(place, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = tokenizer.pad_token_id
    rows = [_conversation(group, c) for group in work for c in group.comparisons]
    watch = clock()

    class InOrder(RewardTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)

    with tempfile.TemporaryDirectory() as folder:
        arguments = RewardConfig(
            output_dir=folder,
            per_device_train_batch_size=settings["trl_batch"],
            gradient_accumulation_steps=settings["groups"] * settings["comparisons"] // settings["trl_batch"],
            max_steps=len(work) // settings["groups"],
            max_length=settings["max_length"],
            learning_rate=1e-5,
            bf16=settings["precision"] == "bfloat16",
            gradient_checkpointing=checkpointing,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = InOrder(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[watch],
        )
        trainer.train()
    return watch.seconds


def _conversation(group: Group, comparison: Comparison) -> dict[str, Any]:
    if isinstance(group.prompt, str):
        turns = [{"role": "user", "content": group.prompt}]
    else:
        turns = [{"role": m.role, "content": m.content} for m in group.prompt]

    def answer(at: int) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": group.responses[at]}]

    return {"prompt": turns, "chosen": answer(comparison.i), "rejected": answer(comparison.j)}


def contend(settings: dict[str, Any]) -> None:
    """What a contender's process does: train, then print seconds per step as JSON."""
    work = steps_of(settings["data"], settings["groups"], settings["comparisons"], settings["steps"] + 1)
    if settings["contender"] == "polypref":
        seconds = run_polypref(settings, work)
    else:
        seconds = run_trl(settings, work, checkpointing=settings["contender"] == "trl")
    print(json.dumps(seconds[1:]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=False, help="file of groups")
    parser.add_argument("--backbone", default="embedded:smollm2")
    parser.add_argument("--groups", type=int, default=8, help="prompts per optimiser step")
    parser.add_argument("--comparisons", type=int, default=1, help="of each prompt")
    parser.add_argument("--trl-batch", type=int, help="pairs per device batch of TRL; the rest is accumulated")
    parser.add_argument("--steps", type=int, default=3, help="counted, per repeat")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--tokens-per-pass", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--name", default="training_speed")
    parser.add_argument("--contend", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.contend:
        contend(json.loads(given.contend))
        return
    settings = {**vars(given), "trl_batch": given.trl_batch or given.groups * given.comparisons}
    del settings["contend"]
    pairs = given.groups * given.comparisons
    seconds: dict[str, list[float]] = {name: [] for name in given.contenders}
    memory: dict[str, float] = dict.fromkeys(given.contenders, 0.0)
    for _ in range(given.repeats):
        for name in given.contenders:
            found = measured(__file__, {**settings, "contender": name})
            if found is not None:
                seconds[name] += found[0]
                memory[name] = max(memory[name], found[1])
    print(f"{'':24} {'pairs/s':>8} {'peak GiB':>9} {'times':>6}")
    rows: list[dict[str, Any]] = []
    ours = statistics.median(seconds[given.contenders[0]])
    for name in given.contenders:
        if not seconds[name]:
            rows.append({"contender": name, "out_of_memory": True})
            print(f"{name:24} ran out of memory")
            continue
        step = statistics.median(seconds[name])
        rows.append(
            {
                "contender": name,
                "pairs_per_second": pairs / step,
                "peak_gib": memory[name],
                "speedup_of_polypref": step / ours,
                "seconds": seconds[name],
            }
        )
        print(f"{name:24} {pairs / step:8.3f} {memory[name]:9.2f} {step / ours:6.2f}")
    result = {"settings": {**settings, "data": Path(given.data).name}, "rows": rows}
    (Path(__file__).parent / "results" / f"{given.name}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
