"""`polypref report`: one page that shows what the data are, how training went and what the models make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import DataError


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="Folders of trained or customised models.", show_default=False),
    ],
    data: Annotated[
        Optional[list[str]],
        typer.Option(
            "--data", metavar="FILE", help="Held-out data; may be repeated. Without it, only training is shown."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the page goes.")] = Path("report.html"),
    title: Annotated[str, typer.Option("--title", help="What the page is called.")] = "Preference models",
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="Resamples of prompts for intervals.")] = 1000,
    seed: common.Seed = 0,
    cache: common.CacheFolder = None,
    no_cache: common.NoCache = False,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    json: common.Json = False,
) -> None:
    """Write one HTML page about trained models and held-out data; it needs no network and opens anywhere.

    What the models compute is kept, so that a report on what polypref eval measured runs no model.
    """
    from polypref.models.loading import Loading
    from polypref.reporting.building import build_chapter, training_chapter
    from polypref.reporting.contents import headline
    from polypref.reporting.page import write_chapters
    from polypref.reporting.runs import read_runs

    common.check_cache(cache, no_cache)
    found = read_runs(runs)
    if data:
        sources = common.sources_of(
            data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
        )
        groups = sources.read(common.note)
        if not groups:
            raise DataError("hold no groups, so there is nothing to report on", file=", ".join(data))

        loading = Loading(max_length, dtype, device, trust_remote_code)
        with common.models_bar() as progress:
            chapter = build_chapter(
                title,
                data,
                groups,
                found,
                lambda run: loading.model(run.folder),
                cached=common.cached_in(cache, no_cache),
                resamples=resamples,
                seed=seed,
                progress=progress,
            )
    else:
        common.note("no --data, so the report shows only how training went")
        chapter = training_chapter(title, found)
    write_chapters([chapter], title, out)
    if json:
        models = {name: headline(one) for name, one in chapter.assessments.items()}
        common.print_json({"out": str(out), "groups": len(groups) if data else 0, "models": models})
    else:
        common.print_line(f"{out}: a report on {', '.join(run.name for run in found)}; open it in a browser")
