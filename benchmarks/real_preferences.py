"""Real preferences after equal seconds of training: scalar and general heads beside TRL's RewardTrainer.

AlpacaEval's judgments are won by the longer answer nine times in ten, so plain accuracy says little there: judge models
on pairs of similar length, and on comparisons derived between two other answers whose shares against the common
baseline answer differ by at least 0.2. With --dsp, the `academy` preferences of DSP. Needs `pip install trl==1.16.*`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from polypref import Comparison, Group, load_groups
from polypref.evaluation.assessment import assess
from polypref.evaluation.prediction import Prediction
from polypref.training.config import make_config
from polypref.training.recipe import train

Predicted = list[tuple[Group, Prediction]]


def hard_pairs(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Every comparison as a conversation with a chosen and a rejected answer, which is what TRL learns from."""
    rows = []
    for group in groups:
        for c in group.comparisons:
            if c.p != 0.5:
                chosen, rejected = (c.i, c.j) if c.p > 0.5 else (c.j, c.i)
                rows.append(
                    {
                        "prompt": [{"role": "user", "content": group.prompt_text}],
                        "chosen": [{"role": "assistant", "content": group.responses[chosen]}],
                        "rejected": [{"role": "assistant", "content": group.responses[rejected]}],
                    }
                )
    return rows


def stopwatch(seconds: float) -> Any:
    """A callback that ends training after so many seconds, and counts them."""
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        spent = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **__: Any) -> Any:
            self.spent = time.perf_counter() - self.started
            control.should_training_stop = control.should_training_stop or self.spent >= seconds
            return control

    return Stopwatch()


def polypref(head: str, known: Sequence[Group], asked: Sequence[Group], given: Any) -> tuple[Predicted, float]:
    watch = stopwatch(given.seconds)
    settings = {
        "backbone": given.backbone,
        "head": head,
        "max_length": given.max_length,
        "batch_size": given.groups_per_step,
        "epochs": given.epochs,
        "schedule": "constant_with_warmup" if given.seconds < float("inf") else "linear",
        "warmup": 0.01 if given.seconds < float("inf") else 0.1,
        "learning_rate": given.learning_rate,
        "trainer": {"save_strategy": "no"},
        "seed": given.seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        model = train(make_config({**settings, "out": f"{folder}/out"}), known, [], watchers=[watch]).model
    return list(model.encode(asked)), watch.spent


def trl(known: Sequence[Group], asked: Sequence[Group], given: Any) -> tuple[Predicted, float]:
    """TRL's trainer with its defaults, but without recomputing activations, which is faster."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    from polypref.models.embedded import resolve
    from polypref.models.inputs import PLAIN_TEMPLATE

    place = resolve(given.backbone)
    tokenizer = AutoTokenizer.from_pretrained(place)
    tokenizer.chat_template = tokenizer.chat_template or PLAIN_TEMPLATE
    model = AutoModelForSequenceClassification.from_pretrained(place, num_labels=1, dtype=torch.float32)
    watch = stopwatch(given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        arguments = RewardConfig(
            output_dir=folder,
            per_device_train_batch_size=given.trl_batch,
            num_train_epochs=given.epochs,
            max_length=given.max_length,
            learning_rate=given.trl_learning_rate,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            seed=given.seed,
        )
        data = Dataset.from_list(hard_pairs(known))
        trainer = RewardTrainer(
            model=model, args=arguments, train_dataset=data, processing_class=tokenizer, callbacks=[watch]
        )
        trainer.train()
    model.eval()
    return [(group, _prediction(model, tokenizer, group, given.max_length)) for group in asked], watch.spent


def _prediction(model: Any, tokenizer: Any, group: Group, longest: int) -> Prediction:
    """What a reward model that TRL trained says of a group, in the form of text it was trained on."""
    import torch

    turns = [
        [{"role": "user", "content": group.prompt_text}, {"role": "assistant", "content": text}]
        for text in group.responses
    ]
    texts = tokenizer.apply_chat_template(turns, tokenize=False)
    inputs = tokenizer(
        texts, padding=True, truncation=True, max_length=longest, add_special_tokens=False, return_tensors="pt"
    )
    with torch.no_grad():
        rewards = model(**inputs).logits[:, 0].double().numpy()
    return Prediction(preferences=expit(rewards[:, None] - rewards[None]))


def similar_length(group: Group, i: int, j: int) -> bool:
    short, long = sorted((len(group.responses[i]), len(group.responses[j])))
    return long <= 1.2 * short


def judged(groups: Sequence[Group], of_similar_length: bool) -> Iterator[Group]:
    """The comparisons as they were made."""
    for group in groups:
        kept = [c for c in group.comparisons if not of_similar_length or similar_length(group, c.i, c.j)]
        yield replace(group, comparisons=tuple(kept))


def derived(groups: Sequence[Group], of_similar_length: bool) -> Iterator[Group]:
    """Comparisons between answers whose shares against the common baseline differ by at least 0.2."""
    for group in groups:
        shares: dict[int, float] = {}
        baseline = _baseline(group)
        for c in group.comparisons:
            if baseline in (c.i, c.j):
                shares[c.j if c.i == baseline else c.i] = c.p if c.j == baseline else 1 - c.p
        votes = [
            Comparison(i, j) if shares[i] > shares[j] else Comparison(j, i)
            for i, j in itertools.combinations(sorted(shares), 2)
            if abs(shares[i] - shares[j]) >= 0.2 and (not of_similar_length or similar_length(group, i, j))
        ]
        yield replace(group, comparisons=tuple(votes))


def _baseline(group: Group) -> int:
    """The answer that all others were compared with."""
    counts = np.bincount([at for c in group.comparisons for at in (c.i, c.j)])
    return int(counts.argmax())


def measured(predicted: Predicted, questions: dict[str, list[Group]]) -> dict[str, dict[str, Any]]:
    """Accuracy, Brier score and calibration error on each kind of pairs."""
    found = {}
    for name, groups in questions.items():
        pairs = [(group, prediction) for group, (_, prediction) in zip(groups, predicted) if group.comparisons]
        scores = assess(pairs).pairwise
        assert scores is not None
        assert scores.accuracy is not None
        low, high = scores.accuracy.low, scores.accuracy.high
        found[name] = {
            "pairs": scores.pairs,
            "accuracy": scores.accuracy.value,
            "low": low,
            "high": high,
            "brier": scores.brier.value,
            "ece": scores.ece.value,
        }
    return found


def longer(groups: Sequence[Group]) -> Predicted:
    """The shortcut as a model: the longer answer wins."""
    predicted = []
    for group in groups:
        lengths = np.array([len(text) for text in group.responses], dtype=float)
        predicted.append((group, Prediction(preferences=expit(np.sign(lengths[:, None] - lengths[None]) * 2.3))))
    return predicted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpaca", type=Path, help="folder with pairs.train and pairs.dev of AlpacaEval")
    parser.add_argument("--dsp", type=Path, help="folder with domains.train and domains.dev of DSP")
    parser.add_argument("--backbone", default="embedded:minilm")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of training, each; else --epochs")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--groups-per-step", type=int, default=2)
    parser.add_argument("--trl-batch", type=int, default=8, help="pairs per step of TRL (its default)")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--trl-learning-rate", type=float, default=1e-4, help="TRL's default")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.alpaca:
        parts = ("train", "dev")
        known, asked = (load_groups(f"{given.alpaca}/pairs.{part}.jsonl.gz", skip_bad=True) for part in parts)
        questions = {
            f"{name}, {kind}": list(made(asked, near))
            for name, made in (("judged", judged), ("derived", derived))
            for kind, near in (("all", False), ("similar length", True))
        }
        name = "alpaca"
    else:
        parts = ("train", "dev")
        known, asked = (
            load_groups(f"{given.dsp}/domains.{part}.jsonl.gz", preferred="academy", skip_bad=True) for part in parts
        )
        questions, name = {"judged, all": list(asked)}, "academy"
    rows: list[dict[str, Any]] = []
    contenders = {
        "longer answer": lambda: (longer(asked), 0.0),
        "scalar": lambda: polypref("scalar", known, asked, given),
        "general": lambda: polypref("general", known, asked, given),
        "TRL": lambda: trl(known, asked, given),
    }
    for contender, made in contenders.items():
        predicted, seconds = made()
        for question, scores in measured(predicted, questions).items():
            rows.append({"contender": contender, "seconds": seconds, "question": question, **scores})
            print(
                f"{contender:14} {seconds:6.0f} s  {question:24} {scores['pairs']:6} pairs  "
                f"accuracy {scores['accuracy']:.3f} [{scores['low']:.3f}, {scores['high']:.3f}]  "
                f"Brier {scores['brier']:.3f}  ECE {scores['ece']:.3f}",
                flush=True,
            )
    out = Path(__file__).parent / "results" / f"real_preferences_{name}.json"
    kept = {key: value for key, value in vars(given).items() if key not in ("alpaca", "dsp")}
    kept["seconds"] = None if given.seconds == float("inf") else given.seconds
    out.write_text(json.dumps({"settings": kept, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
