"""What customising for a domain gains there and loses in general: the four domains of DSP, several ways, several seeds.

For each seed a general model (scalar head) learns from helpful, harmless and WebGPT comparisons and from a simulated
crowd; then each domain is customised for, in each of the ways, and measured on the dev sets and, for the simulated
crowd, against its known truth. `end` is the model when training ends, a number that far on the way from the general
model's weights to its, `chosen` the one that `customize` recommends by its choosing sets: the best in the domain that
loses at most a point of general accuracy there. All learn from the same comparisons of a domain. Intervals are 95 %
(Student's t) over seeds, of means over domains; seeds share the dev prompts. With --name, draws docs/images/NAME.png.

What is finished under --work is not made again, so several processes can share the work by --seeds and --ways, and one
more run over all of them prints the table.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

from polypref import Comparison, Group, PreferenceModel, load_groups, save_groups, simulate
from polypref.customization.config import make_customize_config
from polypref.customization.data import divided, load_data
from polypref.customization.interpolation import interpolated
from polypref.customization.measuring import GeneralAnswers, Yardstick
from polypref.customization.recipe import customize
from polypref.customization.tradeoff import described, write_json
from polypref.drawing import BLUE, GREY, RED, new_axes, write_drawings
from polypref.groups.splitting import prompt_key
from polypref.models.folders import LAST
from polypref.training.config import make_config
from polypref.training.progress import PlainReport, Report
from polypref.training.recipe import train

IMAGES = Path(__file__).parents[1] / "docs" / "images"
REAL = ("helpful", "harmless", "webgpt")
SIMULATED = "simulated"
SCRATCH, PLAIN = "scratch", "plain"
WAYS: dict[str, dict[str, Any]] = {
    "enrichment": {"enrichment": 0.3, "interpolation": [0.5]},
    "enrichment-0.5": {"enrichment": 0.5, "interpolation": [0.5]},
    "lora": {"training": {"lora": {"rank": 8}}, "interpolation": []},
    "imitation": {"imitation": 0.1, "interpolation": [0.5]},
    "both": {"enrichment": 0.3, "imitation": 0.1, "interpolation": [0.5]},
}
GENERAL = "general model"


@dataclass(frozen=True)
class Row:
    """What one model of one domain and seed gets right."""

    way: str
    model: str  # `end`, `chosen`, or so much of the way from the general model to `end`
    domain: str
    seed: int
    domain_accuracy: float
    general: dict[str, float]
    gained: float  # beside the general model on the same comparisons
    lost: float


def write_data(given: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """The files of a seed: general sets and domains, each to learn from and to test on."""
    general = {name: str(folder / f"{name}.train.jsonl") for name in (*REAL, SIMULATED)}
    tests = {name: str(folder / f"{name}.test.jsonl") for name in (*REAL, SIMULATED)}
    domains = {
        name: (str(folder / f"{name}.train.jsonl"), str(folder / f"{name}.test.jsonl")) for name in given.domains
    }
    more = [str(folder / f"{name}.more.jsonl") for name in REAL]
    files: dict[str, Any] = {"general": general, "more": more, "tests": tests, "domains": domains}
    if (folder / "written").exists():
        return files
    folder.mkdir(parents=True, exist_ok=True)
    for name, rest in zip(REAL, more):
        groups = drawn(f"{given.general}/{name}.train.jsonl.gz", given.general_groups + given.more_general_groups, seed)
        save_groups(groups[: given.general_groups], general[name])
        save_groups(groups[given.general_groups :], rest)
        save_groups(drawn(f"{given.general}/{name}.dev.jsonl.gz", given.general_tests, 0), tests[name])
    crowd = simulate("consensus", given.general_groups // 2 + given.general_tests // 2, seed=seed)
    learned, asked = crowd[: given.general_groups // 2], crowd[given.general_groups // 2 :]
    known = set(map(prompt_key, learned))  # a prompt is simulated twice now and then
    save_groups(learned, general[SIMULATED])
    save_groups((as_it_is(group) for group in asked if prompt_key(group) not in known), tests[SIMULATED])
    for part, number in (("train", given.queries), ("test", given.domain_tests)):
        source = f"{given.dsp}/domains.{'train' if part == 'train' else 'dev'}.jsonl.gz"
        for name, groups in divided(load_groups(source, skip_bad=True)).items():
            if name is not None:
                order = np.random.default_rng(seed if part == "train" else 0).permutation(len(groups))
                save_groups([groups[at] for at in order[:number]], str(folder / f"{name}.{part}.jsonl"))
    (folder / "written").touch()
    return files


def drawn(path: str, number: int, seed: int) -> list[Group]:
    """Some groups of a file."""
    groups = load_groups(path, skip_bad=True)
    order = np.random.default_rng(seed).permutation(len(groups))
    return [groups[at] for at in islice(order, number)]


def as_it_is(group: Group) -> Group:
    """A simulated group judged by the whole population, rather than by the few who were asked."""
    truth = group.meta["truth"]["preferences"]
    pairs = combinations(range(len(group)), 2)
    return replace(group, comparisons=tuple(Comparison(i, j, truth[i][j]) for i, j in pairs), ratings=())


def settings_of(given: argparse.Namespace, seed: int, files: dict[str, Any], way: dict[str, Any]) -> dict[str, Any]:
    """A configuration of `customize`: all domains in one way, from the general model of the seed."""
    rate = given.lora_rate if "training" in way else given.domain_rate
    return {
        "backbone": given.backbone,
        "seed": seed,
        "training": {"head": "scalar", "max_length": given.max_length, "batch_size": given.batch_size},
        "general": {
            "model": str(general_folder(given, seed)),
            "data": files["general"],
            "eval_data": files["tests"],
        },
        "domains": {
            "data": {name: learn for name, (learn, _) in files["domains"].items()},
            "eval_data": {name: test for name, (_, test) in files["domains"].items()},
            "choose_share": given.choose_share,
            "eval_steps": given.eval_steps,
            **way,
            "training": {"learning_rate": rate, "epochs": given.domain_epochs, **way.get("training", {})},
        },
    }


def general_folder(given: argparse.Namespace, seed: int) -> Path:
    """Where the general model of a seed is."""
    return Path(given.work) / f"seed{seed}" / "general"


def train_scalar(
    given: argparse.Namespace, seed: int, backbone: str, rate: float, groups: Sequence[Group], epochs: float, out: Path
) -> PreferenceModel:
    """A scalar model, if it is not there already."""
    if (out / LAST).exists():
        return PreferenceModel.from_pretrained(out, max_length=given.max_length)
    config = make_config(
        {
            "backbone": backbone,
            "head": "scalar",
            "max_length": given.max_length,
            "batch_size": given.batch_size,
            "learning_rate": rate,
            "epochs": epochs,
            "seed": seed,
            "out": str(out),
            "trainer": {"save_strategy": "no"},
        }
    )
    return train(config, groups, []).model


def general_model(given: argparse.Namespace, seed: int, files: dict[str, Any]) -> None:
    """Stage 2, on general groups with no prompt that a domain's run chooses or tests by."""
    data = load_data(make_customize_config(settings_of(given, seed, files, {})), Report())
    measured = {prompt_key(group) for parts in data.sets.values() for group in (*parts.choose, *parts.test)}
    more = [group for path in files["more"] for group in load_groups(path) if prompt_key(group) not in measured]
    groups, out = [*data.enrichment, *more], general_folder(given, seed)
    train_scalar(given, seed, given.backbone, given.learning_rate, groups, given.general_epochs, out)


def uncustomized(given: argparse.Namespace, seed: int, files: dict[str, Any], way: str) -> list[Row]:
    """For each domain: its comparisons alone, from the base model or from the general one, and what is between them."""
    folder = given.work / f"seed{seed}" / way
    result = folder / "scores.json"
    if not result.exists():
        data = load_data(make_customize_config(settings_of(given, seed, files, {})), Report())
        general = PreferenceModel.from_pretrained(general_folder(given, seed), max_length=given.max_length)
        sets = {name: parts.test for name, parts in data.general.items()}
        known = GeneralAnswers()
        start, rate = given.backbone, given.learning_rate
        if way == PLAIN:
            start, rate = str(general_folder(given, seed)), given.domain_rate
        found: dict[str, dict[str, Any]] = {}
        for domain, parts in data.domains.items():
            end = train_scalar(given, seed, start, rate, parts.train, given.domain_epochs, folder / domain)
            models = {"end": end}
            if way == PLAIN:
                models |= {f"{alpha:g}": interpolated(general, end, alpha) for alpha in given.between}
            yardstick = Yardstick(parts.test, sets, seed)
            before = yardstick.answers(general, partial(known.on, general=general, loading=None))
            answers = {"before": before} | {name: yardstick.answers(model) for name, model in models.items()}
            found[domain] = {name: asdict(yardstick.scores(ours, before)) for name, ours in answers.items()}
            print(f"seed {seed}, {way}, {domain}: {described(yardstick.scores(answers['end'], before))}", flush=True)
        write_json(result, found)
    return [
        _row(way, name, domain, seed, scores)
        for domain, models in json.loads(result.read_text()).items()
        for name, scores in models.items()
    ]


def customized(given: argparse.Namespace, seed: int, files: dict[str, Any], way: str) -> list[Row]:
    """For each domain: the general model, the one at the end of training, and the one that is recommended."""
    folder = given.work / f"seed{seed}" / way
    config = make_customize_config({**settings_of(given, seed, files, WAYS[way]), "out": str(folder)})
    rows = []
    for domain, tradeoff in customize(config, PlainReport()).domains.items():
        models = {"before": tradeoff.before, "end": tradeoff.last, "chosen": tradeoff.after}
        rows += [_row(way, name, domain, seed, asdict(scores)) for name, scores in models.items()]
    return rows


def _row(way: str, model: str, domain: str, seed: int, scores: dict[str, Any]) -> Row:
    general = {name: estimate["value"] for name, estimate in scores["general"].items()}
    accuracy, gained, lost = (scores[name]["value"] for name in ("domain", "gained", "lost"))
    if model == "before":  # the same for every way
        way, model = GENERAL, "end"
    return Row(way, model, domain, seed, accuracy, general, gained, lost)


def mean(values: Sequence[float]) -> tuple[float, float]:
    """That, and half the width of its 95 % interval: 0 for one value."""
    found = np.array(values)
    if len(found) < 2:
        return float(found.mean()), 0.0
    return float(found.mean()), float(t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5)


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval, in points."""
    middle, half = mean(values)
    return f"{100 * middle:5.1f}" + (f" ± {100 * half:.1f}" if half else "")


def by_seed(rows: Sequence[Row], value: Callable[[Row], float]) -> list[float]:
    """The mean over domains in each seed."""
    found: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        found[row.seed].append(value(row))
    return [float(np.mean(values)) for values in found.values()]


def show(rows: Sequence[Row]) -> None:
    """One line for each way and model; `more` is how much more that is than with the plain way, in the same seeds."""
    names = list(rows[0].general)
    header = ("domain", "more", "gained", "general", "lost", "more")
    print(f"{'':22} {'runs':>4} " + " ".join(f"{name:>12}" for name in header) + "  " + "  ".join(names))
    plain = [row for row in rows if (row.way, row.model) == (PLAIN, "end")]
    for way, model in dict.fromkeys((row.way, row.model) for row in rows):
        found = [row for row in rows if (row.way, row.model) == (way, model)]
        values: list[Callable[[Row], float]] = [
            lambda row: row.domain_accuracy,
            lambda row: row.gained,
            lambda row: float(np.mean(list(row.general.values()))),
            lambda row: row.lost,
        ]
        columns = [interval(by_seed(found, value)) for value in values]
        for at, value in ((1, values[0]), (5, values[3])):
            pairs = zip(by_seed(found, value), by_seed(plain, value))
            columns.insert(at, interval([ours - theirs for ours, theirs in pairs]) if plain else "")
        sets = "  ".join(f"{100 * np.mean([row.general[name] for row in found]):{len(name)}.1f}" for name in names)
        label = way if model == "end" else f"{way}, {model}"
        print(f"{label:22} {len(found):4} " + " ".join(f"{column:>12}" for column in columns) + f"  {sets}")


def frontier(rows: Sequence[Row]) -> Figure:
    """Domain accuracy of each way against what it loses in general, with intervals."""
    figure, (ax,) = new_axes([4.2], height=3.0)
    names = dict.fromkeys(row.way for row in rows)
    looks = zip(names, (GREY, "black", BLUE, RED, "black", GREY, BLUE, RED), "XPosD^v<")
    for way, color, marker in sorted(looks, key=lambda look: look[0] != GENERAL):
        for model in dict.fromkeys(row.model for row in rows if row.way == way):
            found = [row for row in rows if (row.way, row.model) == (way, model)]
            x, dx = mean([-100 * lost for lost in by_seed(found, lambda row: row.lost)])
            y, dy = mean([100 * accuracy for accuracy in by_seed(found, lambda row: row.domain_accuracy)])
            face = color if model == "end" else "white"
            if model in ("end", "chosen"):
                label = way if model == "end" else f"{way}, {model}"
                ax.errorbar(x, y, dy, dx, marker, color=color, markerfacecolor=face, markersize=5, lw=0.6, label=label)
            else:
                ax.plot(x, y, marker, color=color, markerfacecolor=face, markersize=3.5)
                ax.annotate(model, (x, y), xytext=(4, -7), textcoords="offset points", fontsize=6, color=color)
    ax.axvline(-1, color=GREY, linewidth=0.8, linestyle=":")
    ax.set(xlabel="general accuracy gained, points (dotted: one point lost)", ylabel="domain accuracy, %")
    figure.legend(loc="outside upper left", frameon=False, fontsize=7, ncols=3)
    return figure


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of the data, of the models and of how they are trained."""
    parser.add_argument("--dsp", required=True, help="folder with domains.train and domains.dev of DSP")
    parser.add_argument("--general", required=True, help="folder with helpful, harmless and webgpt, train and dev")
    parser.add_argument("--work", type=Path, required=True, help="folder for models and what is measured of each")
    parser.add_argument("--backbone", default="embedded:minilm")
    parser.add_argument("--domains", nargs="+", default=["academy", "business", "entertainment", "literature"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--queries", type=int, default=160, help="of a domain, to learn from and choose by")
    parser.add_argument("--more-general-groups", type=int, default=600, help="of each real set, for stage 2 alone")
    parser.add_argument("--domain-tests", type=int, default=63, help="queries")
    parser.add_argument("--general-groups", type=int, default=400, help="of each real set; half as many simulated")
    parser.add_argument("--general-tests", type=int, default=120, help="of each real set; half as many simulated")
    parser.add_argument("--choose-share", type=float, default=0.15)
    parser.add_argument("--eval-steps", type=int, default=10)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-4, help="of the general model, and from scratch")
    parser.add_argument("--domain-rate", type=float, default=1e-4)
    parser.add_argument("--lora-rate", type=float, default=1e-3)
    parser.add_argument("--general-epochs", type=float, default=1)
    parser.add_argument("--domain-epochs", type=float, default=1)
    parser.add_argument("--name", help="of the file of results; none: it is not written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--ways", nargs="+", default=[SCRATCH, PLAIN, "enrichment", "enrichment-0.5", "lora"])
    parser.add_argument("--between", type=float, nargs="+", default=[0.25, 0.5, 0.75], help="of the plain way")
    given = parser.parse_args()
    rows: list[Row] = []
    for seed in given.seeds:
        files = write_data(given, seed, given.work / f"seed{seed}" / "data")
        general_model(given, seed, files)
        for way in given.ways:
            found = (customized if way in WAYS else uncustomized)(given, seed, files, way)
            rows += [row for row in found if row.way != GENERAL or way == given.ways[0]]
    show(rows)
    if given.name:
        kept = {key: value for key, value in vars(given).items() if key not in ("dsp", "general", "work", "name")}
        out = Path(__file__).parent / "results" / f"{given.name}.json"
        out.write_text(json.dumps({"settings": kept, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
        write_drawings({given.name: lambda: frontier(rows)}, IMAGES, (".png",))


if __name__ == "__main__":
    main()
