"""Tokens per second of `polypref score`, tokenising and writing included, beside a bare forward of the backbone.

The bare forward gets as many tokens as polypref computes, in rows of equal length without padding: the best that
batching could do. Both run in turns in one process. Where prompts are shared, polypref computes fewer tokens than one
sequence per response has; `plain_share` counts those.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch

from polypref import PreferenceModel, load_groups
from polypref.evaluation.scoring import Scorer, score_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbone", default="embedded:smollm2")
    parser.add_argument("--groups", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--row", type=int, default=512, help="length of the bare forward's rows")
    given = parser.parse_args()
    groups = list(islice(load_groups(given.data, skip_bad=True), given.groups))
    model = PreferenceModel.from_backbone(given.backbone, "general")
    inputs = [model.tokenize(group) for group in groups]
    computed = sum(pack.tokens for pack in model.encoder.packs(inputs, 4096))
    plain = sum(len(item.tokens) for group in inputs for item in group)
    bare = PreferenceModel.from_backbone(given.backbone, "scalar").encoder.classifier
    bare.set_attn_implementation("sdpa")
    rows = torch.randint(10, 1000, (max(1, 4096 // given.row), given.row))

    times: dict[str, list[float]] = {"score": [], "bare": []}
    for _ in range(given.repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            score_file(Scorer(model, "model"), groups, f"{folder}/scored.jsonl", resume=False)
            times["score"].append(time.perf_counter() - start)
        start = time.perf_counter()
        with torch.no_grad():
            for _ in range(max(1, round(computed / rows.numel()))):
                bare.base_model(input_ids=rows, use_cache=False)
        done = max(1, round(computed / rows.numel())) * rows.numel()
        times["bare"].append((time.perf_counter() - start) * computed / done)
    speeds = {name: computed / statistics.median(values) for name, values in times.items()}
    result = {
        "backbone": given.backbone,
        "computed_tokens": computed,
        "plain_tokens": plain,
        "score_tokens_per_second": speeds["score"],
        "bare_tokens_per_second": speeds["bare"],
        "share": speeds["score"] / speeds["bare"],
        "plain_share": speeds["score"] / speeds["bare"] * plain / computed,
    }
    for name, value in result.items():
        print(f"{name:26} {value if isinstance(value, str) else round(value, 3)}")
    (Path(__file__).parent / "results" / "scoring_speed.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
