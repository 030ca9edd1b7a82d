"""The chapter on runs of alignment: what it holds, what it shows, and that no text breaks out of it."""

from __future__ import annotations

import html
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tests.reporting.conftest import HOSTILE
from tests.reporting.test_page import NEVER, read

from polypref import Group
from polypref.alignment.measuring import measure
from polypref.alignment.samples import Samples, save_samples
from polypref.errors import DataError
from polypref.evaluation.policies import NO_ANSWER
from polypref.evaluation.prediction import Prediction
from polypref.evaluation.tournament import tournament
from polypref.markup import printable
from polypref.reporting import words
from polypref.reporting.contents import ReportData
from polypref.reporting.page import render
from polypref.reporting.policies import policy_chapter, policy_headline

SAFE = HOSTILE.replace("\ud800", "")  # which no file can hold


class Longer:
    """Prefers the longer text, so that of three growing policies each beats those before."""

    def encode(self, groups):
        for group in groups:
            worth = np.array([len(text) / 10 for text in group.responses])
            yield group, Prediction(preferences=1 / (1 + np.exp(worth - worth[:, None])))


def drawn(iteration: int, prompts: int = 30) -> list[Samples]:
    """Two answers to each prompt, longer with each iteration, and now and then none."""
    name = str(iteration) if iteration else "before"
    logs = {"before": (-5.0 - iteration, -6.0), name: (-5.0, -6.0)}
    return [
        Samples(
            Group(
                f"{at} {SAFE}", (f"{iteration} {SAFE}" + "x" * iteration, "y" * (1 + iteration) if at else NO_ANSWER)
            ),
            ((1,), (2,)),
            ("end", "length"),
            logs,
        )
        for at in range(prompts)
    ]


def make_run(folder: Path, *, judged: bool = True) -> Path:
    """The folder of a run of two iterations, as `polypref align` leaves it."""
    judge = Longer() if judged else None
    samples = [drawn(iteration) for iteration in range(3)]
    for at, own in enumerate(samples):
        inside = folder / f"iteration-{at}"
        inside.mkdir(parents=True)
        save_samples(own, inside / "held-out.jsonl")
        found = measure(
            own, samples[0], str(at) if at else "before", "before", judge, samples[at - 1] if at > 1 else ()
        )
        (inside / "measured.json").write_text(json.dumps(asdict(found)))
    if judge:
        names = ("before", "1", "2")
        game = tournament(judge, {name: [one.group for one in own] for name, own in zip(names, samples)}, resamples=50)
        (folder / "game.json").write_text(json.dumps(game.to_dict()))
    settings = {"method": "inpo", "method_settings": {"beta": 0.5}, "guide": SAFE, "judge": "judge" if judged else None}
    (folder / "alignment.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return render(ReportData("Policies", "2026-01-31", "0.1", (policy_chapter("Policies", [run]),)))


def test_a_chapter_holds_what_was_measured(run) -> None:
    chapter = policy_chapter("Policies", [run])
    (found,) = chapter.policies
    assert [one.policy for one in found.measured] == ["before", "1", "2"]
    assert found.measured[2].divergence.value == pytest.approx(1.0)  # half the answers are 2 nats likelier
    assert found.game.policies == ("before", "1", "2")
    assert chapter.runs[0].settings["method_settings"] == "beta 0.5"
    assert len(found.answers) == 15  # of 30, every second
    assert found.answers[0].before == (f"0 {SAFE}", "")
    headline = policy_headline(found)
    assert headline["win_rate"] == found.measured[2].versus.win_rate.value > 0.5
    assert headline["divergence"] == pytest.approx(1.0)


def test_a_page_shows_wins_lengths_the_game_and_answers(page) -> None:
    texts = html.unescape(page)
    for title in ("What the policies gain", "The policies against each other", "Answers before and after"):
        assert f"<h3>{title}</h3>" in page
    for figure in ("Wins against the policy before", "The same at equal lengths", "Length of answers"):
        assert f'aria-label="{figure}, by run and iteration"' in page
    assert "one after iteration 2: win rate " in texts
    assert "KL to the policy before alignment, nats 1" in texts
    assert 'aria-label="how often the policies of one win against each other"' in page
    assert "equilibrium of one" in texts
    assert page.count('<article class="prompt"') == 15
    assert "no answer</blockquote>" in page
    assert "How the models were trained" not in page
    assert "only the training is shown" not in page
    assert "one: the last policy wins " in page


def test_texts_stay_texts(page) -> None:
    tags = read(page).tags
    names = [name for name, _ in tags]
    assert not NEVER & set(names)
    assert names.count("script") == 2
    assert not [key for _, attributes in tags for key in attributes if key.startswith("on") or key == "style"]
    assert SAFE not in page
    assert html.escape(printable(f"2 {SAFE}xx")) in page


def test_without_a_judge_nothing_is_said_of_wins(tmp_path) -> None:
    chapter = policy_chapter("Policies", [make_run(tmp_path / "silent", judged=False)])
    page = render(ReportData("Policies", "2026-01-31", "0.1", (chapter,)))
    assert "Length of answers" in page
    assert "Wins against the policy before" not in page
    assert "The policies against each other" not in page
    assert words.summary(chapter) == [
        "silent: the last policy is 1 nats away from where it began; without a judge, nothing is known of what it wins."
    ]


def test_a_cycle_of_policies_is_shown(run) -> None:
    chapter = policy_chapter("Policies", [run])
    (found,) = chapter.policies
    table = [[0.5, 0.8, 0.2], [0.2, 0.5, 0.8], [0.8, 0.2, 0.5]]
    rates = tuple(tuple(replace(found.game.win_rates[0][1], value=value) for value in row) for row in table)
    around = replace(chapter, policies=(replace(found, game=replace(found.game, win_rates=rates)),))
    page = html.unescape(render(ReportData("Policies", "2026-01-31", "0.1", (around,))))
    assert "cycle: A ≻ B ≻ C ≻ A" in page


def test_what_cannot_be_read_is_named(tmp_path) -> None:
    folder = make_run(tmp_path / "broken")
    (folder / "iteration-1" / "measured.json").write_text("{}")
    with pytest.raises(DataError, match=r"measured\.json.*says nothing of a policy"):
        policy_chapter("Policies", [folder])
    for path in folder.glob("iteration-*/held-out.jsonl"):
        path.unlink()
    with pytest.raises(DataError, match="holds no answers to held-out prompts"):
        policy_chapter("Policies", [folder])
