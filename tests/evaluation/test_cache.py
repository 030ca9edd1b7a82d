"""States that are kept: the same numbers, no second run, and nothing stale."""

from __future__ import annotations

import pytest
import torch
from tests.models.conftest import make_checkpoint
from tests.tolerance import near

from polypref import Group, PolyprefError, PreferenceModel
from polypref.evaluation.cache import StateCache, fingerprint, keeps
from polypref.models.preference_model import WINDOW

GROUPS = [Group(f"question {k}", ("yes", "no", "perhaps not")[: 2 + k % 2]) for k in range(WINDOW + 5)]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return make_checkpoint("bert", tmp_path_factory.mktemp("backbone"))


def model(backbone, head="general", seed=0, **settings) -> PreferenceModel:
    return PreferenceModel.from_backbone(str(backbone), head, seed=seed, **settings)


def without_runs(one: PreferenceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args, **_settings):
        raise AssertionError("the model was run")

    monkeypatch.setattr(one, "encode", refuse)


def test_kept_states_are_the_computed_ones_bit_by_bit(backbone, tmp_path, monkeypatch):
    one = model(backbone)
    plain = [known.rows for _, known in one.encode(GROUPS)]
    first = StateCache(one, tmp_path)
    assert all(torch.equal(a, known.rows) for a, (_, known) in zip(plain, first.encode(GROUPS)))
    assert (first.hits, first.computed) == (0, len(GROUPS))
    without_runs(one, monkeypatch)
    again = StateCache(one, tmp_path)
    for a, group, (kept, known) in zip(plain, GROUPS, again.encode(GROUPS)):
        assert kept is group
        assert torch.equal(a, known.rows)
        assert known.size == len(group)
    assert (again.hits, again.computed) == (len(GROUPS), 0)


def test_predictions_from_the_cache_are_the_same(backbone, tmp_path):
    one = model(backbone, "pair")  # joint: K(K − 1) states of a group
    plain = list(one.encode(GROUPS[:5]))
    for _ in range(2):
        for (_, a), (_, b) in zip(plain, StateCache(one, tmp_path).encode(GROUPS[:5])):
            assert (a.preferences == b.preferences).all()


def test_a_killed_run_goes_on_from_the_last_whole_block(backbone, tmp_path):
    one = model(backbone)
    killed = StateCache(one, tmp_path).encode(GROUPS)
    for _ in range(WINDOW):
        next(killed)
    killed.close()
    again = StateCache(one, tmp_path)
    assert len(list(again.encode(GROUPS))) == len(GROUPS)
    assert (again.hits, again.computed) == (WINDOW, 5)


def test_what_states_depend_on_is_in_the_name(backbone, tmp_path):
    one = model(backbone)
    list(StateCache(one, tmp_path).encode(GROUPS[:3]))
    changed = [Group("question 0", ("yes", "No")), *GROUPS[1:3]]
    for other, groups, new in (
        (model(backbone, seed=1), GROUPS[:3], 3),
        (model(backbone, max_length=10), GROUPS[:3], 3),
        (one, changed, 1),
    ):
        cache = StateCache(other, tmp_path)
        list(cache.encode(groups))
        assert cache.computed == new
    assert fingerprint(model(backbone)) == fingerprint(one)
    with torch.no_grad():
        other = model(backbone)
        next(other.encoder.parameters())[0, 0] += 1e-3
    assert fingerprint(other) != fingerprint(one)


def test_a_saved_model_has_the_states_of_the_one_in_memory(backbone, tmp_path):
    one = model(backbone)
    one.save_pretrained(tmp_path / "saved")
    assert fingerprint(PreferenceModel.from_pretrained(tmp_path / "saved")) == fingerprint(one)


def test_cut_tokens_are_remembered(backbone, tmp_path):
    one = model(backbone, max_length=12)
    cut = [known.cut for _, known in StateCache(one, tmp_path).encode(GROUPS[:4])]
    assert sum(cut) > 0
    assert [known.cut for _, known in StateCache(one, tmp_path).encode(GROUPS[:4])] == cut


def test_broken_files_and_folders_are_named(backbone, tmp_path):
    one = model(backbone)
    cache = StateCache(one, tmp_path)
    list(cache.encode(GROUPS[:2]))
    (kept,) = cache.folder.glob("*.safetensors")
    kept.write_bytes(b"no tensors")
    with pytest.raises(PolyprefError, match=r"cannot be read .*: delete it, and it is made again"):
        list(cache.encode(GROUPS[:2]))
    (tmp_path / "file").write_text("")
    with pytest.raises(PolyprefError, match="choose another --cache"):
        list(StateCache(one, tmp_path / "file").encode(GROUPS[:2]))


def test_groups_are_found_in_whatever_block_they_come(backbone, tmp_path, monkeypatch):
    one = model(backbone)
    plain = {group.prompt: known.rows for group, known in one.encode(GROUPS)}
    list(StateCache(one, tmp_path).encode(GROUPS[:40]))
    cache = StateCache(one, tmp_path)
    mixed = [GROUPS[50], *GROUPS[39:2:-3], GROUPS[50]]  # another order, some left out, one new and twice there
    for group, known in cache.encode(mixed):
        near(known.rows, plain[group.prompt])
    assert (cache.hits, cache.computed) == (len(mixed) - 1, 1)
    without_runs(one, monkeypatch)
    again = StateCache(one, tmp_path)
    for group, known in again.encode(mixed):
        near(known.rows, plain[group.prompt])
        assert known.size == len(group)
    assert again.computed == 0


def test_single_responses_that_a_joint_head_does_not_read_are_kept_beside_others(backbone, tmp_path):
    one, groups = model(backbone, "pair"), [Group("alone", ("yes",)), *GROUPS[:2]]
    for _ in range(2):
        sizes = [(known.size, len(known.rows)) for _, known in StateCache(one, tmp_path).encode(groups)]
        assert sizes == [(1, 0), (2, 2), (3, 6)]


def test_what_computes_with_the_weights_is_in_the_name_too(backbone, monkeypatch):
    one = model(backbone)
    name = fingerprint(one)
    for target, value in (
        ("polypref.evaluation.cache.__version__", "0"),
        ("torch.__version__", "0"),
        ("transformers.__version__", "0"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, value)
            assert fingerprint(one) != name
    one.encoder.shares_prompts = True
    assert fingerprint(one) != name
    one.encoder.shares_prompts = False
    assert fingerprint(one) == name
    one.encoder.classifier.set_attn_implementation("eager")
    assert fingerprint(one) != name


def test_models_with_code_of_their_own_are_not_kept(backbone, tmp_path, monkeypatch):
    one = model(backbone)
    assert keeps(one)
    monkeypatch.setattr(type(one.encoder.classifier), "__module__", "transformers_modules.theirs.modeling")
    assert not keeps(one)
    with pytest.raises(PolyprefError, match="or runs code of its own"):
        StateCache(one, tmp_path)
