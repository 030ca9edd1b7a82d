"""Several models on the same groups: measured one after the other, with what is told on the way."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
from tests.models.conftest import make_checkpoint

from polypref import Comparison, DataError, Group, PolyprefError, PreferenceModel, Rating
from polypref.evaluation.assessment import assess
from polypref.evaluation.cache import StateCache, cache_of
from polypref.evaluation.measuring import check_judged, check_measured, measure, read_benchmarks
from polypref.evaluation.scoreboard import all_boards

GROUPS = [
    Group(f"question {k}", (f"yes {k}", "no", "perhaps not"), [Comparison(0, 1, p=k % 2, weight=3), Comparison(1, 2)])
    for k in range(12)
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two models, of which the second cuts its inputs."""
    backbone = str(make_checkpoint("bert", tmp_path_factory.mktemp("backbone")))
    return {
        "first": PreferenceModel.from_backbone(backbone, "scalar"),
        "second": PreferenceModel.from_backbone(backbone, "general", seed=1, max_length=8),
    }


def test_what_is_measured_is_what_each_model_says_alone(made):
    heard, done = {"first": [], "second": []}, []
    found = measure(
        {name: lambda model=model: model for name, model in made.items()},
        GROUPS,
        resamples=20,
        seed=3,
        progress=lambda name, groups, total: done.append((name, groups, total)),
        heard=lambda name, answer: heard[name].append(answer),
    )
    assert found.models == ["first", "second"]
    for name, model in made.items():
        alone = assess(model.encode(GROUPS), resamples=20, seed=3)
        assert found.assessments[name] == alone
        for (_, answer), again in zip(model.encode(GROUPS), heard[name], strict=True):
            assert (answer.preferences == again.preferences).all()
    assert done == [(name, k, 12) for name in made for k in range(1, 13)]
    difference = found.differences()["second"]["accuracy"].value
    values = [found.assessments[name].pairwise.accuracy.value for name in made]
    assert difference == pytest.approx(values[1] - values[0])
    assert found.to_dict()["differences"]["models"]["second"]["accuracy"]["value"] == difference


def test_one_model_is_in_memory_at_a_time(made, tmp_path):
    alive, ended = [], []

    def load(name):
        assert not any(before() for before in alive)
        made["first"].save_pretrained(tmp_path / name)
        model = PreferenceModel.from_pretrained(tmp_path / name)
        alive.append(weakref.ref(model))
        return model

    measure(
        {name: lambda name=name: load(name) for name in ("a", "b")},
        GROUPS[:2],
        resamples=20,
        finished=lambda found, name, model, cut: ended.append((name, found.models, cut.tokens)),
    )
    assert ended == [("a", ["a"], 0), ("b", ["a", "b"], 0)]


def test_what_was_cut_is_counted_with_the_cache_too(made, tmp_path):
    cuts = []
    for _ in range(2):
        measure(
            {"second": lambda: made["second"]},
            GROUPS,
            cached=lambda model: cache_of(model, tmp_path),
            resamples=20,
            finished=lambda found, name, model, cut: cuts.append((cut.groups, cut.tokens)),
        )
    assert cuts[0] == cuts[1] == (12, sum(answer.cut for _, answer in made["second"].encode(GROUPS)))
    assert StateCache(made["second"], tmp_path).folder.exists()


def test_benchmarks_are_read_by_name_and_judged(made, tmp_path):
    (tmp_path / "items.jsonl").write_text(
        '{"prompt": "q", "chosen": "a", "rejected": "b", "subset": "alpacaeval-easy", "id": 1}\n'
    )
    name = f"rewardbench={tmp_path / 'items.jsonl'}"
    found = measure({"first": lambda: made["first"]}, (), read_benchmarks([name], print), resamples=20)
    assert found.models == ["first"]
    assert found.assessments == {}
    assert found.to_dict()["benchmarks"]["rewardbench"]["models"]["first"]["items"] == 1
    (board,) = all_boards(found)
    assert board.title == "RewardBench · 1 item"
    with pytest.raises(PolyprefError, match=r"^the benchmark rewardbench is given twice$"):
        read_benchmarks([name, name], print)


def test_items_that_git_lfs_has_not_fetched_are_called_that(tmp_path):
    for place in (tmp_path / "items.jsonl", tmp_path):
        (tmp_path / "items.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n")
        with pytest.raises(DataError, match=r"items.jsonl: is a git-lfs pointer and not the data that it stands for; "):
            read_benchmarks([f"rewardbench={place}"], print)


def test_what_measures_nothing_is_refused(made):
    with pytest.raises(DataError, match=r"^a.jsonl: hold no comparisons and no ratings, "):
        check_judged([Group("q", ("a", "b"))], "a.jsonl")
    rated = [Group("q", ("a", "b"), (), (Rating(0, 3), Rating(1, 1)))]
    check_judged(rated, "a.jsonl")
    with pytest.raises(DataError, match=r"^the data hold 2 ratings and no comparisons, "):
        check_measured(measure({"first": lambda: made["first"]}, rated, resamples=20), rated)


def test_models_of_one_name_in_several_folders_are_told_apart(made):
    names = ["a/model", "b/model"]
    found = measure({name: lambda: made["first"] for name in names}, GROUPS, resamples=20)
    assert [row[0] for row in all_boards(found)[0].rows] == names
    alone = measure({names[0]: lambda: made["first"]}, GROUPS, resamples=20)
    assert all_boards(alone)[0].rows[0][0] == Path(names[0]).name
