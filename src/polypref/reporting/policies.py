"""Runs of alignment as they lie in folders: what was measured, how their policies play, and what they answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from polypref.alignment.contests import last_iteration
from polypref.alignment.examining import GAME, HELD_OUT, MEASURED
from polypref.alignment.measuring import Measured
from polypref.alignment.run import CONFIG
from polypref.errors import DataError
from polypref.evaluation.policies import NO_ANSWER
from polypref.evaluation.tournament import read_game
from polypref.groups.model import Group
from polypref.groups.sources import load_groups
from polypref.groups.splitting import prompt_key
from polypref.markup import cut
from polypref.reporting.contents import Answered, Chapter, PolicyRun, Run
from polypref.reporting.runs import read_json, short_names

_MOST_PROMPTS, _MOST_ANSWERS = 20, 4
_PROMPT_LENGTH, _ANSWER_LENGTH = 1_200, 700  # characters
_SHOWN = ("method", "method_settings", "guide", "judge", "reward", "iterations", "policy", "lora", "seed")


def policy_chapter(title: str, folders: Sequence[Path]) -> Chapter:
    """What is shown of some runs of alignment, each under the shortest name that tells it from the others."""
    paths = list(dict.fromkeys(folders))
    names = short_names(paths)
    configs = [read_json(path / CONFIG, dict) for path in paths]
    runs = [
        Run(name, str(path), str(config.get("method", "")), _settings(config), {})
        for name, path, config in zip(names, paths, configs)
    ]
    policies = [_read(name, path, config.get("judge")) for name, path, config in zip(names, paths, configs)]
    return Chapter(title, (), tuple(runs), policies=tuple(policies))


def policy_headline(run: PolicyRun) -> dict[str, float | None]:
    """The few numbers by which the last policy of one run is compared with that of another."""
    last = run.measured[-1]
    return {
        "win_rate": None if last.versus is None else last.versus.win_rate.value,
        "length_controlled": None if last.versus is None else last.versus.length_controlled.value,
        "divergence": last.divergence.value,
        "length": last.texts.length.value,
    }


def _settings(config: dict[str, Any]) -> dict[str, str]:
    return {key: _shown(config[key]) for key in _SHOWN if config.get(key) not in (None, {})}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items() if inner is not None)
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def _read(name: str, folder: Path, judge: str | None) -> PolicyRun:
    last = last_iteration(folder)
    measured = tuple(_measured(folder / f"iteration-{at}" / MEASURED) for at in range(last + 1))
    game = read_game(folder / GAME) if judge is not None and (folder / GAME).is_file() else None
    before, after = (load_groups(str(folder / f"iteration-{at}" / HELD_OUT), format="polypref") for at in (0, last))
    return PolicyRun(name, measured, game, _answers(before, after))


def _measured(path: Path) -> Measured:
    try:
        return TypeAdapter(Measured).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"says nothing of a policy ({reason}): run polypref align again", file=path) from None


def _answers(before: Sequence[Group], after: Sequence[Group]) -> tuple[Answered, ...]:
    """Some prompts, evenly spread over all that were held out, with what was answered before and after."""
    then = {prompt_key(group): group for group in before}
    both = [(then[key], group) for group in after if (key := prompt_key(group)) in then]
    every = -(-len(both) // _MOST_PROMPTS) or 1
    return tuple(Answered(cut(old.prompt_text, _PROMPT_LENGTH), _texts(old), _texts(new)) for old, new in both[::every])


def _texts(group: Group) -> tuple[str, ...]:
    return tuple("" if text == NO_ANSWER else cut(text, _ANSWER_LENGTH) for text in group.responses[:_MOST_ANSWERS])
