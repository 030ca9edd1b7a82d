"""What most commands import, for `tests.processes`: imported once, and without a single warning."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("error")
    import polypref.alignment.recipe
    import polypref.cli
    import polypref.customization.recipe
    import polypref.evaluation.assessment
    import polypref.reporting.building
    import polypref.training.recipe
    import polypref.training.trainer  # noqa: F401
