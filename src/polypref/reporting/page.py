"""The page: what a report holds, section by section, in the template of this package."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template

from polypref import __version__
from polypref.errors import DataError
from polypref.files import replace_when_done
from polypref.markup import Markup, data_block, escaped, joined, tag
from polypref.reporting import sections
from polypref.reporting.contents import Chapter, ReportData
from polypref.reporting.figures import coloured, marker, svg

_Drawn = tuple[str, str, Markup]  # a section's name, title and markup


def write_report(report: ReportData, path: str | Path) -> None:
    """Write the page, whole or not at all."""
    path = Path(path)
    page = render(report).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=path) from None
    with replace_when_done(path) as file:
        file.write(page)


def write_chapters(chapters: Sequence[Chapter], title: str, path: str | Path) -> ReportData:
    """Write a page of some chapters, dated today."""
    made = ReportData(title, date.today().isoformat(), __version__, tuple(chapters))
    write_report(made, path)
    return made


def render(report: ReportData) -> str:
    """The page as HTML; it asks nothing of the network, and its policy forbids it to."""
    style, script = _packaged("report.css"), _packaged("report.js")
    chapters = [
        (f"c{number}", chapter, sections.drawn_sections(chapter, f"c{number}"))
        for number, chapter in enumerate(report.chapters, 1)
    ]
    several = len(chapters) > 1
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_packaged("report.html")).substitute(
        policy=escaped(policy),
        title=escaped(report.title),
        made=escaped(f"polypref {report.version} · {report.made}"),
        contents=tag("ul", None, *(_links(*chapter, several) for chapter in chapters)),
        style=style,
        body=joined(*(_chapter(*chapter, several) for chapter in chapters)),
        data=data_block("report-data", report.to_dict()),
        script=script,
    )


def _chapter(name: str, chapter: Chapter, drawn: Sequence[_Drawn], several: bool) -> Markup:
    heading = tag("h2", None, chapter.title) if several else None
    return tag("div", {"class": "chapter", "id": name}, heading, _legend(chapter), *(part for _, _, part in drawn))


def _links(name: str, chapter: Chapter, drawn: Sequence[_Drawn], several: bool) -> Markup:
    """A chapter's entry in the table of contents."""
    entries = [tag("li", None, tag("a", {"href": f"#{name}-{part}"}, title)) for part, title, _ in drawn]
    whole = tag("a", {"href": f"#{name}"}, chapter.title) if several else None
    return tag("li", None, whole, tag("ul", None, *entries))


def _legend(chapter: Chapter) -> Markup | None:
    """The models by colour and shape; a script lets the reader hide some."""
    if not chapter.runs:
        return None
    entries = [
        tag(
            "li",
            {"class": coloured(at), "data-toggle": at},
            svg(14, 14, "", marker(at, (7, 7), 5)),
            tag("span", None, run.name),
            tag("span", {"class": "quiet"}, f" {run.head}" if run.head != run.name else ""),
        )
        for at, run in enumerate(chapter.runs)
    ]
    return tag("ul", {"class": "legend", "aria-label": "models"}, *entries)


def _packaged(name: str) -> str:
    return files("polypref.reporting").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
