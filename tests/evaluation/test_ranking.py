"""Rankings written beside groups: the model's own, with few digits."""

from __future__ import annotations

import pytest
from tests.models.conftest import make_checkpoint

from polypref import Group, PreferenceModel
from polypref.evaluation.ranking import rank_groups
from polypref.models.answer import Cut

GROUPS = [Group(f"question {k}", ("yes", "no", "perhaps not")[: 1 + k], meta={"note": k}) for k in range(3)]


@pytest.mark.parametrize("rule", ["borda", "kemeny", "utility"])
def test_rankings_are_those_of_the_model(rule, tmp_path):
    model = PreferenceModel.from_backbone(str(make_checkpoint("bert", tmp_path)), "scalar", max_length=8)
    cut = Cut()
    for ranked, (group, answer) in zip(rank_groups(model, GROUPS, rule, cut), model.encode(GROUPS), strict=True):
        own = answer.ranking(rule)
        assert ranked.group is group
        assert (ranked.ranking.order, ranked.domain) == (own.order, None)
        for rounded, score in zip(ranked.ranking.scores, own.scores, strict=True):
            assert rounded == (None if score is None else pytest.approx(score, rel=1e-5))
            assert rounded is None or len(f"{rounded:g}".lstrip("-0.").replace(".", "")) <= 6
        written = ranked.beside("mine")
        block = {"model": "mine", "rule": rule, "order": own.order, "scores": ranked.ranking.scores}
        assert written.meta == {"note": group.meta["note"], "ranking": block}
    assert cut.groups > 0
