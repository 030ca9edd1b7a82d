"""Few-shot customisation on DSP: accuracy against the number of comparisons, from the general model and from scratch.

Takes the options of `customization.py`, whose data and general models under --work it uses, or makes. Each model is
trained for the same number of steps, so that few comparisons are read more often. Intervals are 95 % (Student's t) over
seeds, which share the dev prompts. With --name, draws docs/images/NAME.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from customization import IMAGES, add_options, general_model, interval, mean, settings_of, write_data
from polypref.customization.config import make_customize_config
from polypref.customization.curve import LearningCurve, LearningPoint
from polypref.customization.data import load_data
from polypref.customization.few_shot import learning_curve
from polypref.customization.figures import learning_figure
from polypref.customization.general import make_general
from polypref.drawing import write_drawings
from polypref.statistics.resampling import Estimate
from polypref.training.progress import PlainReport


def curve_of(given: argparse.Namespace, seed: int, files: dict[str, Any], domain: str) -> LearningCurve:
    """That of one domain and seed."""
    settings = settings_of(given, seed, files, {})
    settings["training"]["learning_rate"] = given.learning_rate
    settings["domains"]["only"] = domain
    out = given.work / f"seed{seed}" / "few-shot"
    shots = {"few_shot": given.comparisons, "few_shot_steps": given.steps}
    config = make_customize_config({**settings, **shots, "out": str(out)})
    report = PlainReport()
    data = load_data(config, report)
    make_general(config, data, config.backbone, report)
    return learning_curve(config, domain, data.domains[domain], data, config.backbone, report)


def estimate(values: Sequence[Estimate]) -> Estimate:
    """Their mean over seeds."""
    middle, half = mean([value.value for value in values])
    return Estimate(middle, middle - half, middle + half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--domain", default="academy")
    parser.add_argument("--comparisons", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--steps", type=int, default=18)
    given = parser.parse_args()
    curves = []
    for seed in given.seeds:
        files = write_data(given, seed, given.work / f"seed{seed}" / "data")
        general_model(given, seed, files)
        curves.append(curve_of(given, seed, files, given.domain))
    print(f"{'':14}" + "".join(f"{'all' if n is None else n:>14}" for n in (*given.comparisons, None)))
    for way in ("customised", "scratch"):
        columns = zip(*([getattr(point, way).value for point in curve.points] for curve in curves))
        print(f"{way:14}" + "".join(f"{interval(column):>14}" for column in columns))
    print(f"general model {interval([curve.general.value for curve in curves])}")
    if given.name:
        mean_curve = LearningCurve(
            given.domain,
            estimate([curve.general for curve in curves]),
            [
                LearningPoint(
                    points[-1].comparisons,
                    estimate([p.customised for p in points]),
                    estimate([p.scratch for p in points]),
                )
                for points in zip(*(curve.points for curve in curves))
            ],
        )
        write_drawings({given.name: lambda: learning_figure(mean_curve)}, IMAGES, (".png",))
        kept = {key: value for key, value in vars(given).items() if key not in ("dsp", "general", "work", "name")}
        out = Path(__file__).parent / "results" / f"{given.name}.json"
        found = [{"seed": seed, **asdict(curve)} for seed, curve in zip(given.seeds, curves)]
        out.write_text(json.dumps({"settings": kept, "curves": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
