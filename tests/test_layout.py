"""Tests mirror files: what A/b.py does is tested in tests/A/test_b.py, and what is not so is listed here."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import polypref

SOURCE = Path(polypref.__file__).parent
TESTS = Path(__file__).parent

# source file, or a pattern of files that one table of cases tests → the test file through which it is tested
TESTED_THROUGH = {
    "alignment/answering.py": "alignment/test_recipe.py",
    "alignment/config.py": "alignment/test_recipe.py",
    "alignment/contests.py": "cli/test_tournament.py",
    "alignment/examining.py": "alignment/test_recipe.py",
    "alignment/judging.py": "alignment/test_recipe.py",
    "alignment/learning.py": "alignment/test_recipe.py",
    "alignment/methods/*.py": "alignment/test_tables.py",
    "alignment/run.py": "alignment/test_recipe.py",
    "cli/forget.py": "cli/test_persons.py",
    "cli/token.py": "serving/test_guard.py",
    "collection/inquiry.py": "cli/test_ask.py",
    "collection/mending.py": "cli/test_clean.py",
    "customization/curve.py": "customization/test_few_shot.py",
    "customization/figures.py": "customization/test_few_shot.py",
    "drawing.py": "evaluation/test_confusion.py",
    "evaluation/by_person.py": "cli/test_persons.py",
    "evaluation/pairwise.py": "evaluation/test_metrics.py",
    "evaluation/scoring.py": "cli/test_score.py",
    "groups/formats/*.py": "groups/test_formats.py",
    "groups/parquet_rows.py": "groups/test_parquet.py",
    "groups/rows.py": "groups/test_malformed.py",
    "groups/simulate/phrases.py": "groups/simulate/test_text.py",
    "groups/simulate/topics.py": "groups/simulate/test_text.py",
    "groups/stored.py": "serving/test_store.py",
    "inspection/figures.py": "cli/test_inspect.py",
    "inspection/findings.py": "inspection/test_inspector.py",
    "models/asking.py": "models/test_preference_model.py",
    "models/assembling.py": "models/test_loading.py",
    "models/backbones.py": "models/test_refusals.py",
    "models/extra.py": "models/test_saving.py",
    "models/heads/_gating.py": "models/heads/test_general.py",
    "models/heads/_simplex.py": "models/heads/test_mixture.py",
    "models/heads/base.py": "models/heads/test_algebra.py",
    "models/lm_adapters.py": "alignment/test_recipe.py",
    "models/meeting.py": "training/test_persons.py",
    "models/record.py": "models/test_card.py",
    "models/sharing.py": "models/test_reading.py",
    "models/tastes.py": "training/test_persons.py",
    "models/templates.py": "models/test_screening.py",
    "objectives/base.py": "objectives/test_objectives.py",
    "objectives/dpl.py": "objectives/test_formulas.py",
    "objectives/log_odds.py": "objectives/test_formulas.py",
    "objectives/logistic.py": "objectives/test_formulas.py",
    "objectives/means.py": "objectives/test_formulas.py",
    "objectives/opinions.py": "objectives/test_formulas.py",
    "objectives/sign.py": "objectives/test_formulas.py",
    "objectives/voting.py": "objectives/test_formulas.py",
    "people/cached.py": "cli/test_people.py",
    "people/likelihood.py": "people/test_tastes.py",
    "reporting/figures.py": "reporting/test_page.py",
    "reporting/people_figures.py": "reporting/test_people.py",
    "reporting/people_sections.py": "reporting/test_people.py",
    "reporting/policy_figures.py": "reporting/test_policies.py",
    "reporting/policy_sections.py": "reporting/test_policies.py",
    "reporting/prompt_sections.py": "reporting/test_page.py",
    "reporting/sections.py": "reporting/test_page.py",
    "serving/app.py": "serving/test_routes.py",
    "serving/ballots.py": "serving/test_votes.py",
    "serving/blending.py": "serving/test_opinion.py",
    "serving/choosing.py": "serving/test_votes.py",
    "serving/errors.py": "serving/test_batching.py",
    "serving/hosting.py": "serving/test_routes.py",
    "serving/metrics.py": "serving/test_routes.py",
    "serving/polling.py": "serving/test_votes.py",
    "serving/priors.py": "serving/test_votes.py",
    "serving/rewards.py": "serving/test_routes.py",
    "serving/routes/*.py": "serving/test_routes.py",
    "serving/running.py": "serving/test_guard.py",
    "serving/schema.py": "serving/test_store.py",
    "serving/service.py": "serving/test_cohorts.py",
    "serving/tokens.py": "serving/test_guard.py",
    "training/arguments.py": "training/test_failures.py",
    "training/building.py": "training/test_failures.py",
    "training/data.py": "training/test_failures.py",
    "training/fitting.py": "training/test_calibration.py",
    "training/progress.py": "training/test_instruction.py",
    "training/saving.py": "training/test_trainer.py",
    "training/stepping.py": "training/test_trainer.py",
}
# test files that mirror no file → what they are about
OF_MORE_THAN_A_FILE = {
    "parity/*.py": "numbers of independent implementations, whatever file computes ours",
    "test_*.py": "the package, its documents, examples and recipes as wholes",
    "choice/test_cyclic_share.py": "`cyclic_share` of choice/hodge.py, which has a file for itself",
    "cli/test_app.py": "the command line as a whole",
    "cli/test_domains.py": "an option that several commands have",
    "cli/test_persons.py": "options and commands for one person",
    "customization/test_killed.py": "what is there after a run was killed",
    "groups/test_formats.py": "every format, by one table",
    "groups/test_fuzz.py": "every format, with damaged input",
    "groups/test_malformed.py": "every way of reading, with bad rows",
    "groups/test_roundtrip.py": "every format, written and read again",
    "models/heads/test_algebra.py": "what holds for every head",
    "models/test_gradients.py": "gradients through shared prompts, of several files",
    "models/test_refusals.py": "what no loader takes",
    "objectives/test_formulas.py": "every objective, by hand",
    "objectives/test_learning.py": "what objectives teach heads",
    "objectives/test_objectives.py": "what holds for every objective",
    "reporting/test_browser.py": "reports in a browser",
    "serving/test_hostile.py": "what no client should send",
    "serving/test_killing.py": "what is there after the server was killed",
    "serving/test_page.py": "the pages in a browser",
    "serving/test_postgres.py": "the store on another database",
    "serving/test_described.py": "every route of the OpenAPI document",
    "serving/test_grpo.py": "rewards from a trainer to the service and back",
    "serving/test_routes.py": "every route of the service, as clients call them",
    "serving/test_votes.py": "votes from the page to the opinion",
    "training/test_calibration.py": "the temperature, from training to scores",
    "training/test_distributed.py": "runs in several processes",
    "training/test_failures.py": "what can go wrong in a run",
    "training/test_imitation.py": "a setting that several files act on",
    "training/test_learning.py": "what runs teach",
    "training/test_lora.py": "a setting that several files act on",
    "training/test_persons.py": "what a run learns of persons",
}


def mirror(source: str) -> str:
    """Where a source file is tested: the name without a leading underscore, of which the outside knows nothing."""
    path = Path(source)
    return (path.parent / f"test_{path.name.removeprefix('_')}").as_posix()


def names_below(folder: Path, pattern: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob(pattern)}


def matching(names: set[str], patterns: dict[str, str]) -> dict[str, set[str]]:
    """Which names each pattern stands for; a `*` stands for no folder."""
    return {
        pattern: {name for name in names if name.count("/") == pattern.count("/") and fnmatch(name, pattern)}
        for pattern in patterns
    }


SOURCES = {name for name in names_below(SOURCE, "*.py") if Path(name).stem not in ("__init__", "__main__")}
WRITTEN = names_below(TESTS, "test_*.py")
UNMIRRORED = {name for name in SOURCES if mirror(name) not in WRITTEN}


def test_every_file_has_its_tests() -> None:
    listed = set().union(*matching(UNMIRRORED, TESTED_THROUGH).values())
    missing = {name: mirror(name) for name in sorted(UNMIRRORED - listed)}
    assert not missing, "write these tests, or say in TESTED_THROUGH where such files are tested"


def test_every_test_file_says_what_it_is_about() -> None:
    others = WRITTEN - {mirror(name) for name in SOURCES}
    listed = set().union(*matching(others, OF_MORE_THAN_A_FILE).values())
    assert not others - listed, (
        "name them as the file that they test, or say in OF_MORE_THAN_A_FILE what they are about"
    )
    assert not [pattern for pattern, found in matching(others, OF_MORE_THAN_A_FILE).items() if not found], "gone"


def test_what_is_listed_is_still_needed() -> None:
    assert not [pattern for pattern, found in matching(UNMIRRORED, TESTED_THROUGH).items() if not found]
    assert not {test for test in TESTED_THROUGH.values() if test not in WRITTEN}


def test_a_file_without_tests_is_seen() -> None:
    assert mirror("groups/new.py") == "groups/test_new.py" not in WRITTEN
    assert mirror("crowd/_arrays.py") == "crowd/test_arrays.py"
    assert matching({"groups/formats/new.py", "groups/new.py"}, {"groups/*.py": ""}) == {
        "groups/*.py": {"groups/new.py"}
    }
