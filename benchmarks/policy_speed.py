"""Fitting and sampling of policies beside TRL: same language model, tokens, precision, optimiser and threads.

Fitting: one prompt and K responses an optimiser step, AdamW and clipping included, of random tokens. polypref computes
the prompt once and fits all K(K − 1)/2 pairs; `polypref+reference` computes the reference's log-probabilities as well,
by a second copy of the model. `trl-dpo` gets the K responses as K/2 pairs, each once, which is the least it can do;
`trl-dpo-all-pairs` gets every pair, K/2 at a time. TRL's contenders checkpoint gradients by default. `trl-dpo` and
`trl-dpo-all-pairs` have the reference's log-probabilities precomputed, as `precompute_ref_log_probs` does, and
`trl-dpo+reference` computes them in the step. `trl-grpo` gets completions and advantages and does the rest of a step.

Sampling: K responses to each of several prompts by `alignment.sampling.sample` and by the generation of GRPOTrainer,
all of full length, or (`natural`) until they end by themselves.

Each contender runs in a process of its own, in turns; the first step of each, a short one, is not counted. On one
thread, as by default, seconds are those of the processor, which others that use the machine hardly change; on several
they are those of the clock. Both are written.
Needs `pip install trl==1.16.*`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from contending import clock, measured

Settings = dict[str, Any]
Seconds = list[tuple[float, float]]  # of the clock and of the processor
Rows = list[tuple[list[int], list[list[int]]]]  # for each step a prompt and its responses, as tokens
Round = tuple[float, float, int]  # seconds of the clock and of the processor, tokens sampled
QUESTIONS = (
    "What is the capital of France?",
    "Is the sun a star? Answer yes or no.",
    "Name a colour.",
    "What is 2 + 3?",
)


def rows_of(settings: Settings) -> Rows:
    """What every step fits; the first is short and not counted."""
    draw = random.Random(0)

    def tokens(count: int) -> list[int]:
        return [draw.randrange(1000, 40000) for _ in range(count)]

    sizes = [(16, 8)] + [(settings["prompt"], settings["response"])] * settings["steps"]
    return [(tokens(prompt), [tokens(own) for _ in range(settings["count"])]) for prompt, own in sizes]


def arguments_of(folder: str, settings: Settings) -> Settings:
    """What the trainers of all contenders have in common."""
    return {
        "output_dir": folder,
        "max_steps": settings["steps"] + 1,
        "learning_rate": 1e-6,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": True,
    }


def fit_polypref(settings: Settings, folder: str, with_reference: bool) -> Seconds:
    import numpy as np
    import torch
    from transformers import Trainer, TrainingArguments

    from polypref.alignment.regression import Pairwise
    from polypref.models.causal import LanguageModel, log_probabilities

    model = LanguageModel.from_pretrained(settings["model"], device="cpu")
    reference = LanguageModel.from_pretrained(settings["model"], device="cpu") if with_reference else None
    k = settings["count"]
    weight, target = torch.full((k,), 1 / k), torch.zeros(k, k)

    class Fit(Trainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            prompt, responses = inputs["row"]
            items = [model.continued(np.array(prompt, dtype=np.int32), own) for own in responses]
            packs = model.packs([items], 1 << 20)
            anchor = torch.zeros(k)
            if reference is not None:
                with torch.no_grad():
                    anchor = log_probabilities(reference, packs).total
            return Pairwise(anchor=anchor, target=target, weight=weight).loss(log_probabilities(model, packs).total)

    watch = clock()
    arguments = TrainingArguments(
        **arguments_of(folder, settings),
        per_device_train_batch_size=1,
        remove_unused_columns=False,
        train_sampling_strategy="sequential",
    )
    rows = rows_of(settings)
    Fit(model, arguments, lambda one: {"row": one[0]}, train_dataset=rows, callbacks=[watch]).train()
    return list(zip(watch.seconds, watch.of_processor))


def fit_dpo(settings: Settings, folder: str, with_reference: bool, all_pairs: bool, checkpointing: bool) -> Seconds:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = language_model(settings)
    half = settings["count"] // 2
    rows = [
        {"prompt_ids": prompt, "chosen_ids": responses[i], "rejected_ids": responses[j]}
        for prompt, responses in rows_of(settings)
        for i, j in pairs_of(settings["count"], all_pairs)
    ]

    class OfTokens(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    watch = clock()
    arguments = DPOConfig(
        **arguments_of(folder, settings),
        per_device_train_batch_size=half,
        gradient_accumulation_steps=len(list(pairs_of(settings["count"], all_pairs))) // half,
        max_length=None,
        gradient_checkpointing=checkpointing,
        precompute_ref_log_probs=not with_reference,
        train_sampling_strategy="sequential",
    )
    data = Dataset.from_list(rows)
    OfTokens(model, args=arguments, train_dataset=data, processing_class=tokenizer, callbacks=[watch]).train()
    return list(zip(watch.seconds, watch.of_processor))


def pairs_of(count: int, all_pairs: bool) -> Iterable[tuple[int, int]]:
    return itertools.combinations(range(count), 2) if all_pairs else zip(range(0, count, 2), range(1, count, 2))


def fit_grpo(settings: Settings, folder: str, checkpointing: bool) -> Seconds:
    import torch

    rows = iter(rows_of(settings))
    trainer = grpo_trainer(settings, folder, checkpointing)

    def prepared(_: Any) -> Settings:
        prompt, responses = next(rows)
        completions = torch.tensor(responses)
        prompts = torch.tensor([prompt] * len(responses))
        return {
            "prompt_ids": prompts,
            "prompt_mask": torch.ones_like(prompts),
            "completion_ids": completions,
            "completion_mask": torch.ones_like(completions),
            "advantages": torch.linspace(-1, 1, len(responses)),
            "num_items_in_batch": torch.tensor(completions.numel()),
        }

    trainer._prepare_inputs = prepared
    watch = clock()
    trainer.add_callback(watch)
    trainer.train()
    return list(zip(watch.seconds, watch.of_processor))


def grpo_trainer(settings: Settings, folder: str, checkpointing: bool = True, **generation: Any) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = language_model(settings)
    arguments = GRPOConfig(
        **arguments_of(folder, settings),
        per_device_train_batch_size=settings["count"],
        num_generations=settings["count"],
        max_completion_length=settings["response"],
        temperature=1.0,
        gradient_checkpointing=checkpointing,
        generation_kwargs=generation,
    )

    def no_reward(completions: Sequence[str], **_: Any) -> list[float]:
        return [0.0] * len(completions)

    data = Dataset.from_list([{"prompt": "Hello"}] * 64)
    return GRPOTrainer(model, no_reward, args=arguments, train_dataset=data, processing_class=tokenizer)


def language_model(settings: Settings) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from polypref.models.embedded import resolve

    place = resolve(settings["model"])
    return AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32), AutoTokenizer.from_pretrained(place)


def prompts_of(settings: Settings, natural: bool) -> list[list[int]]:
    if not natural:
        return [prompt for prompt, _ in rows_of({**settings, "steps": settings["prompts"]})[1:]]
    from polypref.models.causal import LanguageModel

    model = LanguageModel.from_pretrained(settings["model"], device="cpu")
    return [
        model.prompt_tokens(text).tolist() for text, _ in zip(itertools.cycle(QUESTIONS), range(settings["prompts"]))
    ]


def sample_polypref(settings: Settings, folder: str, natural: bool) -> list[Round]:
    from polypref.alignment.sampling import Sampling, sample
    from polypref.models.causal import LanguageModel

    asked = prompts_of(settings, natural)  # whose own model is gone before the other is loaded
    model = LanguageModel.from_pretrained(settings["model"], device="cpu")
    ends = model.ends if natural else ()

    def drawn(prompts: list[list[int]], seed: int, tokens: int) -> int:
        with model.ordinary() as ordinary:
            groups = sample(
                ordinary, prompts, Sampling(settings["count"], tokens), ends, range(seed, seed + len(prompts))
            )
        return sum(len(one.tokens) for samples in groups for one in samples)

    return timed(settings, asked, drawn)


def sample_trl(settings: Settings, folder: str, natural: bool) -> list[Round]:
    import torch

    from polypref.models.causal import LanguageModel

    ends = list(LanguageModel.from_pretrained(settings["model"], device="cpu").ends) if natural else [-1]
    trainer = grpo_trainer(settings, folder, eos_token_id=ends)
    trainer.eos_token_ids = ends

    def drawn(prompts: list[list[int]], seed: int, tokens: int) -> int:
        torch.manual_seed(seed)
        trainer.generation_config.max_new_tokens = tokens
        repeated = [prompt for prompt in prompts for _ in range(settings["count"])]
        completions, _ = trainer._generate_single_turn(repeated, None, {}, settings["count"])
        return sum(map(len, completions))

    return timed(settings, prompts_of(settings, natural), drawn)


def timed(
    settings: Settings, prompts: list[list[int]], drawn: Callable[[list[list[int]], int, int], int]
) -> list[Round]:
    """What each counted round of sampling took."""
    drawn(prompts, 0, 2)
    found = []
    for seed in range(1, settings["steps"] + 1):
        started = time.perf_counter(), time.process_time()
        tokens = drawn(prompts, 1000 * seed, settings["response"])
        found.append((time.perf_counter() - started[0], time.process_time() - started[1], tokens))
    return found


Contender = Callable[[Settings, str], list[Any]]
PARTS: dict[str, dict[str, Contender]] = {
    "fitting": {
        "polypref": partial(fit_polypref, with_reference=False),
        "polypref+reference": partial(fit_polypref, with_reference=True),
        "trl-grpo": partial(fit_grpo, checkpointing=True),
        "trl-grpo-no-checkpointing": partial(fit_grpo, checkpointing=False),
        "trl-dpo": partial(fit_dpo, with_reference=False, all_pairs=False, checkpointing=True),
        "trl-dpo-no-checkpointing": partial(fit_dpo, with_reference=False, all_pairs=False, checkpointing=False),
        "trl-dpo+reference": partial(fit_dpo, with_reference=True, all_pairs=False, checkpointing=True),
    },
    "fitting all pairs": {
        "polypref": partial(fit_polypref, with_reference=False),
        "trl-dpo-all-pairs": partial(fit_dpo, with_reference=False, all_pairs=True, checkpointing=True),
    },
    "sampling": {
        "polypref": partial(sample_polypref, natural=False),
        "trl": partial(sample_trl, natural=False),
    },
    "natural": {
        "polypref": partial(sample_polypref, natural=True),
        "trl": partial(sample_trl, natural=True),
    },
}


def contend(settings: Settings) -> None:
    """What a contender's process does: its work, then what it measured as JSON."""
    import torch

    torch.set_num_threads(settings["threads"])
    with tempfile.TemporaryDirectory() as folder:
        found = PARTS[settings["part"]][settings["contender"]](settings, folder)
    print("\n" + json.dumps(found[1:] if settings["part"].startswith("fitting") else found))


def pairs_fitted(contender: str, count: int) -> int | None:
    """Pairs of an optimiser step; GRPO knows none."""
    if "grpo" in contender:
        return None
    every = contender.startswith("polypref") or "all-pairs" in contender
    return len(list(pairs_of(count, every)))


def summary(part: str, contender: str, settings: Settings, found: list[Any]) -> Settings:
    counted = 1 if settings["threads"] == 1 else 0
    if not part.startswith("fitting"):
        speed = statistics.median(one[2] / one[counted] for one in found)
        return {"contender": contender, "tokens_per_second": speed, "seconds_and_tokens": found}
    seconds = statistics.median(one[counted] for one in found)
    k, pairs = settings["count"], pairs_fitted(contender, settings["count"])
    return {
        "contender": contender,
        "pairs_per_second": pairs and pairs / seconds,
        "samples_per_second": k / seconds,
        "tokens_per_second": k * (settings["prompt"] + settings["response"]) / seconds,  # of one sequence per response
        "seconds": found,
    }


def run(part: str, settings: Settings, contenders: Sequence[str], repeats: int) -> Iterator[list[Settings]]:
    """What is known after each repeat."""
    found: dict[str, list[Any]] = {name: [] for name in contenders}
    memory = dict.fromkeys(contenders, 0.0)
    for _ in range(repeats):
        for name in contenders:
            done = measured(__file__, {**settings, "part": part, "contender": name})
            if done is not None:
                found[name] += done[0]
                memory[name] = max(memory[name], done[1])
        rows = [
            {**summary(part, name, settings, found[name]), "peak_gib": memory[name]}
            if found[name]
            else {"contender": name, "out_of_memory": True}
            for name in contenders
        ]
        for row in rows:
            if "out_of_memory" not in row:
                row["speedup_of_polypref"] = rows[0]["tokens_per_second"] / row["tokens_per_second"]
        yield rows


def show(part: str, rows: list[Settings]) -> None:
    print(f"{part:26} {'pairs/s':>8} {'samples/s':>9} {'tokens/s':>9} {'peak GiB':>9} {'times':>6}")
    for row in rows:
        if "out_of_memory" in row:
            print(f"{row['contender']:26} ran out of memory")
            continue
        pairs, samples = (row.get(key) or float("nan") for key in ("pairs_per_second", "samples_per_second"))
        print(
            f"{row['contender']:26} {pairs:8.3f} {samples:9.3f} {row['tokens_per_second']:9.1f} {row['peak_gib']:9.2f} "
            f"{row['speedup_of_polypref']:6.2f}",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded:smollm2")
    parser.add_argument("--count", type=int, default=8, help="K, responses of a prompt; even")
    parser.add_argument("--prompt", type=int, default=256, help="tokens")
    parser.add_argument("--response", type=int, default=64, help="tokens")
    parser.add_argument("--prompts", type=int, default=2, help="sampled from together")
    parser.add_argument("--steps", type=int, default=1, help="counted, per repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--contenders", nargs="+", help="of the part, polypref first; all, if left out")
    parser.add_argument("--contend", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.contend:
        contend(json.loads(given.contend))
        return
    names = ("model", "count", "prompt", "response", "prompts", "steps", "threads")
    settings = {name: getattr(given, name) for name in names}
    file = Path(__file__).parent / "results" / "policy_speed.json"
    result = json.loads(file.read_text()) if file.exists() else {}
    for part in given.parts:
        for done, rows in enumerate(run(part, settings, given.contenders or list(PARTS[part]), given.repeats), 1):
            show(part, rows)
            result[part] = {"settings": settings, "repeats": done, "rows": rows}
            file.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
