"""What many domains cost: memory of ten adapters on one model, and speed of a batch that mixes ten domains.

The adapters are drawn at random (LoRA of rank 8 in all linear layers). Memory is the peak of a process of its own that
loads and scores: one model, or one with ten adapters, each used. Speed is that of reading the same groups as one batch,
all of one domain or of ten in turn, measured alternately in one process; `merged` is an adapter merged into its base.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polypref import Group

DOMAINS = tuple(f"domain {k}" for k in range(10))


def prepare(backbone: str, folder: Path) -> None:
    """A customised folder with a general model and ten adapters."""
    import torch

    from polypref import PreferenceModel
    from polypref.models.customized import GENERAL, domain_folder
    from polypref.models.domains import save_adapter
    from polypref.models.lora import Lora

    PreferenceModel.from_backbone(backbone, "general", dim=8).save_pretrained(folder / GENERAL)
    model = PreferenceModel.from_backbone(str(folder / GENERAL), "general", dim=8, lora=Lora(rank=8, alpha=16))
    for domain in DOMAINS:
        with torch.no_grad():
            for name, parameter in model.encoder.named_parameters():
                if ".lora_B." in name:
                    parameter.normal_(std=0.01)
        save_adapter(model, domain_folder(folder, domain))


def read(data: str, number: int) -> list[Group]:
    """The first groups of the data."""
    from polypref import load_groups

    return list(islice(load_groups(data, skip_bad=True), number))


def of_domains(groups: Iterable[Group], domains: tuple[str, ...]) -> list[Group]:
    """The groups, of these domains in turn."""
    return [replace(group, domain=domains[k % len(domains)]) for k, group in enumerate(groups)]


def memory(folder: Path, data: str, number: int, adapters: bool) -> dict[str, float]:
    """Peak resident MiB of this process when it has scored."""
    from polypref import PreferenceModel
    from polypref.models.domains import DomainModels

    groups = of_domains(read(data, number), DOMAINS)
    model = DomainModels.from_pretrained(folder).own if adapters else PreferenceModel.from_pretrained(folder)
    for _ in model.encode(groups):
        pass
    return {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}


def speed(folder: Path, data: str, number: int, repeats: int) -> dict[str, float]:
    """Median seconds of reading the groups, and the median of the ratios between neighbouring measurements."""
    from polypref import PreferenceModel
    from polypref.models.domains import DomainModels

    groups = read(data, number)
    own = DomainModels.from_pretrained(folder).own
    merged = PreferenceModel.from_pretrained(folder, domain=DOMAINS[0])
    ways = {
        "one_domain": (own, of_domains(groups, DOMAINS[:1])),
        "ten_domains": (own, of_domains(groups, DOMAINS)),
        "merged": (merged, groups),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats + 1):
        for way in ways if repeat % 2 else reversed(ways):
            model, batch = ways[way]
            start = time.perf_counter()
            for _ in model.encode(batch):
                pass
            if repeat:  # the first loads adapters and warms up
                times[way].append(time.perf_counter() - start)
    found = {f"{way}_seconds": statistics.median(seconds) for way, seconds in times.items()}
    ratios = [ten / one for ten, one in zip(times["ten_domains"], times["one_domain"])]
    return {**found, "mixed_ratio": statistics.median(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbones", nargs="+", default=["embedded:minilm", "embedded:minilm", "embedded:smollm2"])
    parser.add_argument("--groups", type=int, nargs="+", default=[120, 320, 20], help="one number for each backbone")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stage", nargs=2, metavar=("STAGE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:  # each in a process of its own, started from one that has loaded nothing
        stage, place = given.stage[0], Path(given.stage[1])
        if stage == "prepare":
            prepare(given.backbones[0], place)
        elif stage == "speed":
            print(json.dumps(speed(place, given.data, given.groups[0], given.repeats)))
        else:
            print(json.dumps(memory(place, given.data, given.groups[0], adapters=stage == "adapters")))
        return

    results = []
    for backbone, number in zip(given.backbones, given.groups, strict=True):
        with tempfile.TemporaryDirectory() as folder:

            def run(
                stage: str, backbone: str = backbone, number: int = number, folder: str = folder
            ) -> dict[str, float]:
                words = ["--data", given.data, "--backbones", backbone, "--groups", str(number)]
                words += ["--repeats", str(given.repeats), "--stage", stage, folder]
                done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
                return dict(json.loads(done.stdout or "{}"))

            run("prepare")
            one, ten, times = run("model")["mib"], run("adapters")["mib"], run("speed")
        result = {
            "backbone": backbone,
            "groups": number,
            "one_model_mib": round(one),
            "ten_adapters_mib": round(ten),
            "memory_ratio": round(ten / one, 3),
            **{name: round(value, 3) for name, value in times.items()},
        }
        for name, value in result.items():
            print(f"{name:22} {value}")
        results.append(result)
    (Path(__file__).parent / "results" / "domains.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
