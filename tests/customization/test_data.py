"""The data of a customisation: parts by prompt, domains by name, and leaks refused."""

from __future__ import annotations

import json
import pickle

import pytest

from polypref import Comparison, Group
from polypref.customization.config import make_customize_config
from polypref.customization.data import CustomizeData, LeakError, Parts, load_data
from polypref.errors import DataError, PolyprefError
from polypref.groups.splitting import prompt_key
from polypref.groups.writing import save_groups
from polypref.training.config import ConfigError
from polypref.training.progress import Report
from tests.customization.conftest import DOMAIN_TASTE, GENERAL_TASTE, tasteful


@pytest.fixture
def load(settings):
    return lambda **changes: load_data(make_customize_config(settings(**changes)), Report())


class Told(Report):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


def prompts(groups):
    return {prompt_key(group) for group in groups}


def test_parts_share_no_prompt_and_lose_none(load):
    data = load()
    assert list(data.general) == ["helpful", "harmless"]
    for parts in (*data.general.values(), *data.domains.values()):
        assert len(parts.train) + len(parts.choose) + len(parts.test) == 40
        assert all(len(part) > 2 for part in (parts.train, parts.choose, parts.test))
        assert not prompts(parts.train) & prompts(parts.choose)
        assert not (prompts(parts.train) | prompts(parts.choose)) & prompts(parts.test)
    assert len(data.enrichment) == sum(len(parts.train) for parts in data.general.values())


def test_of_large_general_sets_not_all_of_the_share_is_set_aside(load):
    data, fewer = load(), load(domains={"choose_most": 4})
    for name, parts in fewer.general.items():
        whole = data.general[name]
        assert 0 < len(parts.choose) < len(whole.choose)
        assert prompts(parts.choose) < prompts(whole.choose)
        assert prompts(parts.train) > prompts(whole.train)
        assert parts.test == whole.test
    assert fewer.domains == data.domains


def test_a_test_set_of_its_own_leaves_the_rest_to_train_on(load, files):
    data = load(domains={"eval_data": {"academy": files["test"]}})
    parts = data.domains["academy"]
    assert (len(parts.test), len(parts.train) + len(parts.choose)) == (20, 40)


def test_groups_may_carry_their_domain(load, files):
    data = load(domains={"data": files["domains"]})
    assert list(data.domains) == ["academy", "business"]
    assert all(group.domain == "business" for group in data.domains["business"].train)
    assert list(load(domains={"data": files["domains"], "only": ["business"]}).domains) == ["business"]


def test_in_the_dsp_form_each_domain_prefers_its_own(load, tmp_path):
    rows = [
        {"query": f"What about {word}?", "responses": {"academy": f"{word} a", "business": f"{word} b", "normal": word}}
        for word in "basil thyme lemon salt honey ginger butter mint pepper saffron sage dill cumin rice tea".split()
    ]
    (tmp_path / "dsp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = load(domains={"data": str(tmp_path / "dsp.jsonl"), "eval_share": 0.3, "choose_share": 0.3})
    assert list(data.domains) == ["academy", "business"]
    group = data.domains["business"].train[0]
    assert [(c.i, c.j) for c in group.comparisons] == [(1, 0), (1, 2)]
    named = load(domains={"data": {"business": str(tmp_path / "dsp.jsonl")}, "eval_share": 0.3, "choose_share": 0.3})
    assert named.domains["business"].train[0] == group
    with pytest.raises(PolyprefError, match="given for the domain busines, and holds the domains academy, business"):
        load(domains={"data": {"busines": str(tmp_path / "dsp.jsonl")}})


def saved(path, groups):
    save_groups(groups, path)
    return str(path)


def test_a_prompt_that_is_tested_on_must_not_be_trained_on(load, files, tmp_path):
    test = tasteful(6, DOMAIN_TASTE, "red", seed=9)
    general = saved(tmp_path / "general.jsonl", [*tasteful(40, ("good", "bad"), seed=5), *test[:2]])
    with pytest.raises(LeakError) as error:
        load(
            general={"data": {"leaky": general}, "eval_data": {"leaky": files["helpful"]}},
            domains={"eval_data": {"academy": saved(tmp_path / "test.jsonl", test)}},
        )
    shared = sorted(prompts(test[:2]))
    assert list(error.value.prompts) == shared
    assert (
        "2 prompts are in the test set of the domain academy and also trained on or chosen by in the general set"
        in (str(error.value))
    )
    assert all(repr(prompt)[:40] in str(error.value) for prompt in shared)


def shares(files, general, domain):
    """The domain's groups are also a general set; each holds out a share of its own."""
    return {
        "general": {"data": {"helpful": files["helpful"], "shared": files["academy"]}, "eval_share": general},
        "domains": {"eval_share": domain},
    }


@pytest.mark.parametrize(("general", "domain"), [(0.1, 0.4), (0.4, 0.1)])
def test_what_a_set_holds_out_no_other_is_trained_on_or_chosen_by(settings, files, general, domain):
    report = Lines()
    data = load_data(make_customize_config(settings(**shares(files, general, domain))), report)
    shared, academy = data.general["shared"], data.domains["academy"]
    held_out = prompts(shared.test) | prompts(academy.test)
    for parts in (shared, academy):
        assert not held_out & prompts([*parts.train, *parts.choose])
    fewer, more = sorted((shared, academy), key=lambda parts: len(parts.test))
    assert prompts(fewer.test) < prompts(more.test)  # what is tested on is as many as were asked for
    assert len(more.train) + len(more.choose) + len(more.test) == 40  # and the other set loses what is not its own
    assert len(fewer.train) + len(fewer.choose) == 40 - len(more.test)
    what = "general set shared" if fewer is shared else "domain academy"
    assert report.lines == [
        f"{len(more.test) - len(fewer.test)} of 40 groups of the {what} are left out, for another set is tested on "
        "their prompts, or its model chosen by them"
    ]
    assert (prompts(shared.choose), prompts(shared.train)) == (prompts(academy.choose), prompts(academy.train))


def test_what_a_domain_is_chosen_by_no_large_general_set_is_trained_on(settings, files):
    report = Lines()
    made = shares(files, 0.2, 0.2)
    made["domains"] |= {"choose_share": 0.5, "choose_most": 8}
    data = load_data(make_customize_config(settings(**made)), report)
    shared, academy = data.general["shared"], data.domains["academy"]
    assert 0 < len(shared.choose) < len(academy.choose)
    assert prompts(shared.train) == prompts(academy.train)
    assert (
        f"{len(academy.choose) - len(shared.choose)} of 40 groups of the general set shared are left" in report.lines[0]
    )


def test_sets_with_equal_shares_lose_nothing_to_each_other(settings, files):
    report = Lines()
    data = load_data(make_customize_config(settings(**shares(files, 0.2, 0.2))), report)
    assert data.general["shared"] == data.domains["academy"]
    assert report.lines == []


def test_what_is_held_out_is_not_learned_from_beside_a_test_set_or_in_stage_1(load, files):
    data = load(
        general={"data": {"shared": files["academy"]}, "eval_data": {"shared": files["helpful"]}},
        instruction={"data": files["academy"]},
    )
    held_out = prompts(data.domains["academy"].test)
    shared = data.general["shared"]
    assert len(shared.test) == 40
    assert held_out
    assert prompts([*shared.train, *shared.choose]) == prompts(data.instruction)
    assert len(data.instruction) == 40 - len(held_out)
    assert not prompts(data.instruction) & held_out


def test_a_leak_that_is_found_on_another_machine_arrives_here_whole():
    error = pickle.loads(pickle.dumps(LeakError("1 prompt leaks", ["A prompt?"])))
    assert (str(error), error.prompts) == ("1 prompt leaks", ("A prompt?",))


def test_fingerprints_tell_which_set_is_another(load, files, tmp_path):
    before = load().fingerprints()
    assert list(before) == [
        "the general set helpful", "the general set harmless", "the domain academy", "instruction.data",
    ]  # fmt: skip
    assert load().fingerprints() == before
    groups = tasteful(40, DOMAIN_TASTE, "red", seed=3, domain="academy")
    one = [
        *groups[:-1],
        tasteful(40, DOMAIN_TASTE[::-1], "red", seed=3, domain="academy")[-1],
    ]  # another vote, in effect
    for changed in (one, groups[::-1], groups[:-1]):
        after = load(domains={"data": {"academy": saved(tmp_path / "academy.jsonl", changed)}}).fingerprints()
        assert [what for what in before if after[what] != before[what]] == ["the domain academy"]
    same = load(domains={"data": {"academy": saved(tmp_path / "elsewhere.jsonl", groups)}})
    assert same.fingerprints() == before


def test_published_rows_that_are_no_use_are_set_aside_where_that_is_asked(settings, tmp_path):
    words = "basil thyme lemon salt honey ginger butter mint pepper saffron sage dill cumin rice tea".split()
    rows = [{"query": f"About {word}?", "responses": {"academy": f"{word} a", "business": word}} for word in words]
    rows += [
        {"query": "Yes or no?", "responses": {"academy": "Yes.", "business": "Yes."}},
        {"query": "Empty?", "responses": {"academy": "No.", "business": ""}},
    ]
    path = tmp_path / "dsp.jsonl"

    def load(**domains):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = {"data": str(path), "eval_share": 0.3, "choose_share": 0.3, **domains}
        told = Told()
        return load_data(make_customize_config(settings(domains=given)), told), told.lines

    with pytest.raises(DataError, match=r"dsp.jsonl, row 17, field responses.business: is empty$"):
        load()
    data, told = load(skip_bad=True)
    assert told == [
        f"left out 1 of 17 rows of {path}; the first: {path}, row 17, field responses.business: is empty",
        f"left out 1 group of {path}, which compare no two responses",
    ]
    for parts in data.domains.values():
        assert len(parts.train) + len(parts.choose) + len(parts.test) == 15
    del rows[-1]
    with pytest.raises(ConfigError, match=r"^1 group of .*dsp.jsonl compare no two responses, .*'Yes or no\?'; leave "):
        load()


def test_pairs_of_one_answer_are_bad_rows_too(settings, files, tmp_path):
    rows = [{"prompt": f"About {k}?", "chosen": f"{k}", "rejected": f"not {k}"} for k in range(30)]
    rows.insert(3, {"prompt": "Same?", "chosen": "a", "rejected": "a"})
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    general = {"data": {"pairs": str(tmp_path / "pairs.jsonl")}}
    with pytest.raises(DataError, match=r"row 4, field rejected: chosen and rejected are the same text$"):
        load_data(make_customize_config(settings(general=general)), Report())
    told = Told()
    data = load_data(make_customize_config(settings(general={**general, "skip_bad": True})), told)
    assert sum(map(len, (data.general["pairs"].train, data.general["pairs"].choose, data.general["pairs"].test))) == 30
    assert "left out 1 of 31 rows" in told.lines[0]


def test_columns_may_have_other_names_in_each_part(settings, tmp_path):
    lines = [f"What about {k}?,Good {k}.,Bad {k}." for k in range(40)]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,good,bad", *lines]))
    names = {"prompt": "question", "chosen": "good", "rejected": "bad"}
    general = {"data": {"pairs": str(tmp_path / "*.csv")}, "columns": names}
    config = make_customize_config(settings(general=general))
    assert len(load_data(config, Report()).general["pairs"].train) > 10
    assert config.model_dump()["general"]["columns"] == names
    assert "columns" not in make_customize_config(settings()).model_dump()["general"]  # as version 0.1 wrote it


def test_a_long_list_of_leaks_is_written_to_a_file(load, files, tmp_path):
    with pytest.raises(LeakError, match=r"40 prompts .* and 20 more, listed in .*leaks\.json"):
        load(domains={"eval_data": {"academy": files["academy"]}})
    assert len(json.loads((tmp_path / "out" / "leaks.json").read_text())) == 40


def test_what_cannot_be_measured_is_refused(load, files, tmp_path):
    silent = saved(tmp_path / "silent.jsonl", [Group(f"Prompt {k}?", ("a", "b")) for k in range(20)])
    nameless = saved(tmp_path / "nameless.jsonl", tasteful(5, DOMAIN_TASTE))
    few = saved(tmp_path / "few.jsonl", [Group("One?", ("a", "b"), [Comparison(0, 1)])])
    for domains, said in (
        ({"data": {"academy": silent}}, "the domain academy has no comparisons to learn from and measure by"),
        ({"data": {"academy": few}}, "the domain academy has no comparisons left to"),
        ({"data": nameless}, "5 groups of .* have no domain"),
        ({"only": ["law"]}, "domains.only names law, and the data have academy"),
        ({"eval_data": {"business": files["business"]}}, "domains.eval_data has nothing for academy"),
        ({"data": {"general": files["academy"]}}, "a domain cannot be called 'general'"),
    ):
        with pytest.raises(PolyprefError, match=said) as error:
            load(domains=domains)
        assert "\n" not in str(error.value)
    with pytest.raises(PolyprefError, match="the general set helpful has no comparisons"):
        load(general={"data": {"helpful": silent}})


def test_a_prompt_that_is_tested_on_must_not_be_answered_in_stage_1(load, files):
    with pytest.raises(
        LeakError, match=r"20 prompts are in the test set of the domain academy .* in instruction\.data"
    ):
        load(instruction={"data": files["test"]}, domains={"eval_data": {"academy": files["test"]}})


def test_ties_alone_are_nothing_to_measure_by(load, tmp_path):
    ties = [Group(f"Prompt {k}?", ("a", "b"), [Comparison(0, 1), Comparison(1, 0)]) for k in range(6)]
    with pytest.raises(PolyprefError, match="the domain academy has only ties left to test on"):
        load(domains={"eval_data": {"academy": saved(tmp_path / "ties.jsonl", ties)}})


def test_fingerprints_tell_where_a_part_ends():
    groups = tasteful(3, GENERAL_TASTE)
    made = [CustomizeData({"helpful": Parts(groups[:at], groups[at:2], groups[2:])}, {}) for at in (1, 2)]
    first, second = (data.fingerprints() for data in made)
    assert first.keys() == second.keys()
    assert first["the general set helpful"] != second["the general set helpful"]


def test_without_domains_stage_2_is_watched_on_what_is_held_out(load):
    """What domains choose by is set aside already, so that they can be added."""
    data = load(domains=None)
    assert data.general == load(domains={"choose_share": 0.1}).general
    assert data.general_held_out == [group for one in data.general.values() for group in one.test]


class Lines(Report):
    """Remembers what it was told."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


def test_files_of_a_domain_hold_what_is_of_it(load, settings, files, tmp_path):
    with pytest.raises(PolyprefError, match="given for the domain business, and holds the domains academy"):
        load(domains={"data": {"business": files["academy"]}})
    report = Lines()
    made = load_data(make_customize_config(settings(domains={"data": {"academy": files["domains"]}})), report)
    parts = made.domains["academy"]
    assert {group.domain for part in (parts.train, parts.choose, parts.test) for group in part} == {"academy"}
    assert [line for line in report.lines if "40 of 80 groups" in line and "are not of academy" in line]
    said = [Comparison(0, 1, criterion="clear"), Comparison(0, 1, criterion="correct")]
    plain = [Group(f"Prompt {k}?", ("a", "b"), said) for k in range(40)]
    parts = load(domains={"data": {"academy": saved(tmp_path / "criteria.jsonl", plain)}}).domains["academy"]
    assert all(len(group.comparisons) == 2 for group in parts.train)  # of whatever criterion
