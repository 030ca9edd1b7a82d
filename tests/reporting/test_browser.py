"""The page in a browser: nothing is asked of the network, nothing fails, and everything that can be clicked works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import CONTRAST, MARKS, launched

from polypref.reporting.page import write_report

pytestmark = MARKS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(report, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(report, path)
    return path


@pytest.fixture
def page(browser, file) -> Iterator[Any]:
    """The report, opened from disk; afterwards nothing has gone wrong and nothing was asked of the network."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    opened.goto(file.as_uri())
    yield opened
    wrong = [said for said in wrong if not said.startswith("blob:")]
    opened.close()
    assert not wrong


def test_hostile_texts_stay_texts(page):
    assert page.title() == "A report"
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0


def test_marks_say_what_they_are_when_pointed_at(page):
    assert page.locator("#tip").is_hidden()
    page.locator("#c1-models [data-tip]").first.hover()
    assert "95 % interval" in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_a_click_on_a_column_sorts_and_another_turns_it_round(page):
    table = page.locator("#c1-parts table").last
    head = table.locator("th", has_text="accuracy")
    orders = []
    for order in ("ascending", "descending"):
        with_sort = head.locator("button")
        with_sort.evaluate("button => button.click()")
        assert head.get_attribute("aria-sort") == order
        orders.append([float(text) for text in table.locator("tbody td:nth-child(3)").all_text_contents()])
    assert orders[0] == sorted(orders[0])
    assert orders[1] == sorted(orders[0], reverse=True)
    assert orders[0][0] < orders[0][-1]


def test_what_is_missing_comes_last_however_a_column_is_sorted(page):
    table = page.locator("#c2-models table", has_text="Against the simulated truth")
    head = table.locator("th", has_text="W1")
    for order in ("ascending", "descending"):
        head.locator("button").evaluate("button => button.click()")
        assert head.get_attribute("aria-sort") == order
        assert table.locator("tbody td").last.inner_text() == "–"


def test_a_row_that_is_found_in_a_search_says_whose_it_is(page):
    table = page.locator("#c2-models table", has_text="Differences from knowing")
    names = table.locator("tbody th").all_inner_texts()
    assert len(names) > 2
    assert set(names) == {"ordering"}


def test_the_arrow_keys_lead_from_mark_to_mark(page):
    tip, plot = page.locator("#tip"), page.locator("#c1-models svg").first
    plot.focus()
    assert tip.is_hidden()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        said.append(tip.inner_text())
    assert said[0].startswith("knowing")
    assert said[1].startswith("ordering")
    assert said[2] == said[0]
    page.keyboard.press("Tab")
    assert tip.is_hidden()


def test_a_table_can_be_searched(page):
    section = page.locator("#c2-parts")
    for summary in section.locator("summary").all():
        summary.click()
    rows = section.locator("table[data-searchable] tbody tr")
    some = rows.first.locator("th").inner_text()
    section.locator("input[type=search]").fill(some)
    shown = [row.inner_text() for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < rows.count()
    assert all(some in row for row in shown)


def test_prompts_are_shown_one_at_a_time(page):
    section = page.locator("#c1-preferences")
    articles = section.locator("article")
    visible = lambda: [at for at in range(articles.count()) if articles.nth(at).is_visible()]  # noqa: E731
    assert visible() == [0]
    section.get_by_role("button", name="Next").click()
    assert visible() == [1]
    section.locator("select").select_option("2")
    assert visible() == [2]
    section.get_by_role("button", name="Previous").click()
    assert visible() == [1]


def test_a_model_can_be_hidden_and_comes_back(page):
    button = page.locator("#c1 .legend button").first
    marks = page.locator("#c1-models [data-model='0']").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert not marks.is_visible()
    button.click()
    assert marks.is_visible()


def test_the_theme_changes_the_colours(page):
    paper = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    light = paper()
    button = page.locator("#theme")
    button.click()
    assert paper() == light
    button.click()
    assert paper() != light
    assert button.inner_text() == "Theme: dark"


def test_the_numbers_can_be_saved(page, report):
    with page.expect_download() as saved:
        page.locator("#save").click()
    assert json.loads(Path(saved.value.path()).read_text())["title"] == report.title


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_out_of_the_window_and_texts_can_be_read(browser, file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    shot = page.screenshot(full_page=True)
    assert len(shot) > 50_000  # a blank page is smaller
    page.close()


def test_it_can_be_read_without_scripts_and_on_paper(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    articles = page.locator("#c1-preferences article")
    assert all(article.is_visible() for article in articles.all())
    assert not page.locator(".tools").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#c1-models svg").first.is_visible()
    context.close()
