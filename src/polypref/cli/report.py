"""`polypref report`: one page that shows what the data are, how training went and what the models make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import DataError, PolyprefError, Undefined


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="Folders of polypref train, customize or align.", show_default=False),
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
    state_token: common.StateTokenName = "checkpoint",
    json: common.Json = False,
) -> None:
    """Write one HTML page about trained models and held-out data; it needs no network and opens anywhere.

    What the models compute is kept, so that a report on what polypref eval measured runs no model.
    """
    from polypref.alignment.contests import is_aligned
    from polypref.models.loading import Loading
    from polypref.reporting.building import build_chapter, training_chapter
    from polypref.reporting.contents import headline
    from polypref.reporting.page import write_chapters
    from polypref.reporting.people import has_people, people_chapter
    from polypref.reporting.policies import policy_chapter, policy_headline
    from polypref.reporting.runs import read_runs

    common.check_cache(cache, no_cache)
    aligned = [run for run in runs if is_aligned(run)]
    found = read_runs([run for run in runs if not is_aligned(run)])
    chapters = [policy_chapter("Policies", aligned)] if aligned else []
    if data and not found:
        raise PolyprefError("--data measures preference models, and all runs are of policies: leave it out")
    if data:
        sources = common.sources_of(
            data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
        )
        groups = sources.read(common.note)
        if not groups:
            raise DataError("hold no groups, so there is nothing to report on", file=", ".join(data))

        loading = Loading(max_length, dtype, device, trust_remote_code, state_token)
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
        chapters.insert(0, chapter)
        if has_people(groups):
            model = loading.model(found[0].folder)
            try:
                chapters.insert(1, people_chapter("People", data, groups, found[0].name, model, seed))
            except Undefined as error:
                common.note(f"no chapter on people: {error}")
    elif found:
        common.note("no --data, so the report shows only how training went")
        chapters.insert(0, training_chapter(title, found))
    write_chapters(chapters, title, out)
    if json:
        models = {name: headline(one) for chapter in chapters for name, one in chapter.assessments.items()}
        policies = {run.name: policy_headline(run) for chapter in chapters for run in chapter.policies}
        told = {"out": str(out), "groups": len(groups) if data else 0, "models": models}
        common.print_json({**told, "policies": policies} if policies else told)
    else:
        names = [run.name for chapter in chapters for run in chapter.runs]
        common.print_line(f"{out}: a report on {', '.join(names)}; open it in a browser")
