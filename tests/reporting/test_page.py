"""The page: whole, safe, small, and honest about what is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from tests.reporting.conftest import CURVES, HOSTILE, knowing, make_chapter, ordering
from tests.test_markup import Texts

from polypref import DataError, simulate
from polypref.reporting.building import training_chapter
from polypref.reporting.contents import ReportData
from polypref.reporting.figures import marker
from polypref.reporting.page import render, write_report

NEVER = {"iframe", "object", "embed", "base", "form", "img", "audio", "video"}


def read(page: str) -> Texts:
    reader = Texts()
    reader.feed(page)
    reader.close()
    return reader


def test_texts_never_become_tags_attributes_or_scripts(report):
    page = render(report)
    tags = read(page).tags
    names = [name for name, _ in tags]
    assert not NEVER & set(names)
    assert names.count("script") == 2  # the data and the code
    assert not [key for _, attributes in tags for key in attributes if key.startswith("on") or key == "style"]
    assert HOSTILE not in page
    assert "</blockquote></blockquote>" not in page


def test_the_policy_forbids_the_network_and_names_the_only_code(report):
    page = render(report)
    policy = next(
        a["content"] for name, a in read(page).tags if name == "meta" and "content" in a and "default" in a["content"]
    )
    assert policy.startswith("default-src 'none'")
    for kind, open_tag in (("style", "<style>"), ("script", "<script>")):
        inside = re.search(f"{open_tag}(.*?)</{kind}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


def test_the_numbers_are_in_the_page(report):
    inside = re.search(r'id="report-data">(.*?)</script>', render(report), re.DOTALL).group(1)
    assert json.loads(inside) == json.loads(json.dumps(report.to_dict()))


def test_every_figure_has_a_sentence_and_every_image_a_name(report):
    page = render(report)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) > 20
    assert all(re.search(r"<figcaption><strong>[^<]+</strong> [^<]{30,}", drawn) for drawn in figures)
    images = [a for name, a in read(page).tags if name == "svg"]
    assert all(a["role"] == "img" and "aria-label" in a for a in images)


def test_ids_are_different_and_links_lead_to_them(report):
    tags = read(render(report)).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for name, a in tags if name == "a"} <= set(ids)


def test_the_page_stays_small(report):
    assert len(render(report).encode()) < 1_200_000


def test_the_summary_says_what_matters(report):
    page = render(report)
    assert "The votes run in circles" in page
    assert "Sides with the whole population: knowing on 100% of the pairs" in page
    assert "The opinions that knowing predicts are 0.00 labels from the true opinion of the population." in page


def test_without_data_only_training_is_shown_and_that_is_said(report):
    runs = report.chapters[0].runs
    page = render(replace(report, chapters=(training_chapter("t", runs),)))
    assert "only the training is shown" in page
    assert "How the models were trained" in page
    assert "What the data are" not in page
    silent = tuple(replace(run, curves={}) for run in runs)
    assert "No training history in knowing, ordering." in render(
        replace(report, chapters=(training_chapter("t", silent),))
    )


def test_more_models_than_colours_all_stay():
    names = [f"m{at}" for at in range(10)]
    models = {name: knowing if at % 2 else ordering for at, name in enumerate(names)}
    page = render(ReportData("t", "today", "0.1", (make_chapter(simulate("divided", 12, votes=20), models, "t"),)))
    toggles = re.findall(r'<li class="(m\d+)" data-toggle="(\d+)">', page)
    assert [int(number) for _, number in toggles] == list(range(10))
    assert [name for name, _ in toggles] == [*(f"m{at}" for at in range(8)), "m0", "m1"]
    opinions = page[page.index('id="c1-opinions"') : page.index('id="c1-reliability"')]
    predicting = [at for at in range(10) if at % 2]
    assert {int(number) for number in re.findall(r'data-model="(\d+)"', opinions)} == set(predicting)
    people = page[page.index('aria-label="accuracy by annotator"') :]
    drawn = re.findall(r'data-model="(\d+)"', people[: people.index("</svg>")])
    assert [int(number) for number in drawn] == list(range(10))
    shapes = {marker(at, (0.0, 0.0), 3.0) for at in (0, 8)}
    assert len(shapes) == 2  # those that share a colour differ in shape


def test_every_row_of_a_table_bears_its_names(report):
    for cells in re.findall(r'<tr><th scope="row">(.*?)</tr>', render(report)):
        assert not cells.startswith("</th>")


def test_the_difference_from_the_first_model_is_in_the_page(report):
    page = render(report)
    assert page.count(">Differences from knowing</caption>") == 2
    assert re.search(r'<th scope="row">ordering</th><td>accuracy</td><td>-0\.\d+ \[[^]]+\]</td><td>0\.\d+</td>', page)


def test_curves_are_there_in_numbers(report):
    page = render(report)
    for step, value in CURVES["loss"]:
        assert f'<th scope="row">knowing</th><td>training loss</td><td>{step:g}</td><td>{value:.4f}</td>' in page
    long = {"loss": tuple((float(at), 1 / (at + 1)) for at in range(1, 202))}
    run = replace(report.chapters[0].runs[0], curves=long)
    page = render(replace(report, chapters=(training_chapter("t", (run,)),)))
    steps = [int(step) for step in re.findall(r"<td>training loss</td><td>(\d+)</td>", page)]
    assert (len(steps), steps[0], steps[-1]) == (30, 1, 201)


def test_what_cannot_be_written_leaves_nothing_beside_it(report, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_report(report, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_it_is_written_whole_with_nothing_beside_it(report, tmp_path):
    write_report(report, tmp_path / "new" / "report.html")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]
    assert (tmp_path / "new" / "report.html").read_text() == render(report)
