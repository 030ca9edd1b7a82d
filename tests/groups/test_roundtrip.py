"""What is written is read back: all of it in polypref's own form, and in the others what they can say."""

import datetime
import decimal
import io
import os
import sys
from collections import Counter

import datasets
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polypref.errors import DataError
from polypref.groups.formats import all_formats
from polypref.groups.model import Comparison, Group, Message, Rating
from polypref.groups.reading import GroupReader
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups, to_rows

ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".jsonl.zst", ".parquet")

texts = st.text(min_size=1, max_size=20).filter(lambda text: not text.isspace())
names = st.none() | st.text(max_size=6)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
labels = st.text(max_size=5) | st.integers(-(2**53), 2**53) | numbers
scalars = st.booleans() | st.integers(-(2**60), 2**60) | numbers | st.text(max_size=5)
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), texts)
prompts = texts | st.lists(messages, min_size=1, max_size=4).map(tuple)

OTHER_FORMS = st.sampled_from(sorted({name for form in all_formats().values() for name in form.row.model_fields}))


def metas(kind):
    """Unknown keys of a group or judgment, which may be called as fields of other things and other forms are."""
    fields = set(kind.__dataclass_fields__) - {"meta"}
    keys = (st.text(max_size=8) | OTHER_FORMS | st.just("meta")).filter(lambda key: key not in fields)
    return st.dictionaries(keys, json_values, max_size=3)


@st.composite
def comparisons(draw, k, shares=None, meta=True):
    i, j = draw(st.permutations(range(k)))[:2]
    return Comparison(
        i,
        j,
        draw(shares if shares is not None else st.floats(0, 1)),
        draw(names),
        draw(names),
        draw(counts),
        draw(st.none() | numbers),
        draw(st.none() | numbers),
        draw(metas(Comparison)) if meta else {},
    )


# every key by which another form is known, and values of any kind
looks_like_another_form = st.sampled_from(list(all_formats().values())).flatmap(
    lambda form: st.fixed_dictionaries(dict.fromkeys(form.keys - {"prompt", "responses", "comparisons"}, json_values))
)


@st.composite
def groups(draw):
    responses = draw(st.lists(texts, min_size=1, max_size=4))
    k = len(responses)
    scale = draw(st.just(()) | st.lists(labels, min_size=1, max_size=5, unique=True))
    label = st.sampled_from(scale) if scale else labels
    rating = st.builds(Rating, st.integers(0, k - 1), label, names, names, counts, st.none() | numbers, metas(Rating))
    return Group(
        draw(prompts),
        responses,
        draw(st.lists(comparisons(k), max_size=3)) if k > 1 else (),
        draw(st.lists(rating, max_size=3)),
        draw(names),
        draw(names),
        draw(st.just(()) | st.lists(st.none() | st.text(max_size=5), min_size=k, max_size=k)),
        scale,
        draw(metas(Group) | looks_like_another_form),
    )


SAMPLE = [
    Group(
        "Wie heißt der Vogel? 🐦\u2028\x00",
        ["Ein Spatz.\r\n", 'A "wren", \\ of course.'],
        [Comparison(0, 1, 1 / 3, "a7", "kind", 5, 1.7e9, 2.5, {"note": [1, {"deep": None}]}), Comparison(1, 0)],
        [Rating(1, -0.1, "a7", weight=0.5, meta={"device": "phone"}), Rating(0, 3)],
        "nature",
        "q17",
        ["one", None],
        [-0.1, 0, 3],
        {"licence": "CC0", "meta": {"p": 1}},
    ),
    Group([("system", "Be brief."), ("user", "")], ["Hi."], (), [Rating(0, "warm")]),
    Group("nothing was said of it", ["a", "a"]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("roundtrip")


@pytest.mark.parametrize("ending", ENDINGS)
def test_own_form_keeps_everything_in_every_container(ending, folder):
    save_groups(SAMPLE, folder / f"sample{ending}")
    reader = GroupReader(folder / f"sample{ending}")
    assert list(reader) == SAMPLE
    assert (reader.format.name, reader.rows) == ("polypref", len(SAMPLE))


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=60, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=3))
def test_own_form_keeps_every_group(ending, folder, some):
    save_groups(some, folder / f"random{ending}")
    assert load_groups(folder / f"random{ending}") == some


@settings(max_examples=60, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=3))
def test_own_rows_need_no_file(some):
    assert load_groups(list(to_rows(some))) == some


def test_rows_of_another_form_read_as_the_own_form_are_written_as_it(folder):
    row = {"prompt": "q", "responses": ["a", "b"], "chosen": "q a", "rejected": "q b", "data_subset": 7}
    forced = load_groups([row], format="polypref")
    assert forced == [Group("q", ["a", "b"], meta={"chosen": "q a", "rejected": "q b", "data_subset": 7})]
    for ending in ENDINGS:
        save_groups(forced, folder / f"forced{ending}")
        assert load_groups(folder / f"forced{ending}") == forced


@pytest.mark.parametrize("levels", [1, 95, 100, 101, 199, 5000])
def test_what_is_kept_unread_may_be_as_deep_as_can_be_written(levels, folder):
    deep = 1
    for _ in range(levels):
        deep = [deep]
    row = {"instruction": "q", "completions": [{"response": "a", "annotations": {}, "deep": deep}], "deep": deep}
    rows = [row, {**row, "deep": [deep]} if levels < 100 else row]
    if levels > 100:
        with pytest.raises(DataError, match="nested too deeply"):
            load_groups(rows)
        return
    read = load_groups(rows)
    for _ in range(2):
        save_groups(read, folder / "deep.jsonl")
        assert load_groups(folder / "deep.jsonl") == read


ODD_VALUES = {
    "date": (datetime.date(2024, 5, 1), "2024-05-01"),
    "moment": (datetime.datetime(2024, 5, 1, 12), "2024-05-01T12:00:00"),
    "clock": (datetime.time(7, 30), "07:30:00"),
    "span": (datetime.timedelta(hours=1), "1:00:00"),
    "price": (decimal.Decimal("1.50"), "1.50"),
    "bytes": (b"\xff\x00", "/wA="),
    "nan": ([1.0, float("nan")], [1.0, None]),
    "tuple": ((1, "a"), [1, "a"]),
    "array": (np.arange(3), [0, 1, 2]),
    "scalar": (np.float32(0.5), 0.5),
}


@pytest.mark.parametrize("kind", ODD_VALUES)
def test_what_json_has_no_type_for_is_kept_as_text(kind, folder):
    value, kept = ODD_VALUES[kind]
    read = load_groups([{"prompt": "q", "responses": ["a"], kind: value}])
    assert read == [Group("q", ["a"], meta={kind: kept})]
    save_groups(read, folder / "odd.parquet")
    assert load_groups(folder / "odd.parquet") == read


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "field x: holds a value of type object, which JSON has no place for"),
        ({1: 2}, "field x: names a field 1, where JSON has text alone"),
        (10**5000, "field x: holds a whole number of more than 4000 digits"),
        ("\ud800", "has a lone surrogate '\\ud800', which is not text"),
    ],
    ids=["object", "key", "huge", "surrogate"],
)
def test_what_no_file_can_hold_is_refused_when_read(value, reason):
    with pytest.raises(DataError) as refusal:
        load_groups([{"prompt": "q", "responses": ["a"], "x": value}])
    assert str(refusal.value).endswith(reason)
    assert str(refusal.value).startswith("row 1")


@pytest.mark.parametrize("ending", ENDINGS)
def test_many_groups_come_back_in_their_order(ending, folder):
    many = [Group(f"prompt {k}", ["a", "b"], [Comparison(0, 1, annotator=f"a{k % 7}")]) for k in range(2500)]
    save_groups(many, folder / f"many{ending}")
    assert load_groups(folder / f"many{ending}") == many


def test_a_row_of_several_megabytes_is_one_row(folder):
    long = [Group("x" * 3_000_000, ["y" * 2_000_000, "z"], [Comparison(0, 1)])]
    save_groups(long, folder / "long.jsonl.gz")
    assert load_groups(folder / "long.jsonl.gz") == long


def test_numbers_that_are_none_among_the_unknown_keys_become_null(folder):
    save_groups([Group("q", ["a"], meta={"scores": [1.0, float("nan")], "best": float("inf")})], folder / "nan.jsonl")
    (group,) = load_groups(folder / "nan.jsonl")
    assert group.meta == {"scores": [1.0, None]}


# standard input and output


class Piped:
    """Stands for `sys.stdin`: a pipe that cannot be sought in."""

    def __init__(self, data):
        end, start = os.pipe()
        os.set_blocking(start, False)
        assert os.write(start, data) == len(data)  # a pipe holds 64 KiB
        os.close(start)
        self.buffer = io.BufferedReader(io.FileIO(end))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("seekable", [True, False], ids=["file", "pipe"])
def test_standard_input_holds_any_container(ending, seekable, folder, monkeypatch):
    path = folder / f"stdin{ending}"
    save_groups(SAMPLE, path)
    stdin = path.open("r") if seekable else Piped(path.read_bytes())
    monkeypatch.setattr(sys, "stdin", stdin)
    with stdin.buffer:
        assert load_groups("-") == SAMPLE
        assert not stdin.buffer.closed


def test_standard_output_gets_json_lines(capsysbinary, monkeypatch):
    save_groups(SAMPLE, "-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(capsysbinary.readouterr().out)))
    assert load_groups("-") == SAMPLE


# other tools' forms


def canonical(some, prompt_of=lambda group: group.prompt, keep=("weight", "annotator", "criterion", "time", "margin")):
    """Every comparison as (prompt, domain, winner, loser, its share, what else is kept), however it was put."""
    seen = Counter()
    for group in some:
        for c in group.comparisons:
            texts_and_shares = [(c.p, group.responses[c.i]), (1 - c.p, group.responses[c.j])]
            (share, winner), (_, loser) = sorted(texts_and_shares, reverse=True)
            kept = tuple(getattr(c, name) for name in keep)
            seen[prompt_of(group), group.domain, winner, loser, share, kept] += 1
    return seen


def as_turns(group):
    return (Message("user", group.prompt),) if isinstance(group.prompt, str) else group.prompt


@st.composite
def pairwise(draw, prompt, response, shares, domain=names):
    responses = draw(st.lists(response, min_size=2, max_size=4, unique=True))
    some = st.lists(comparisons(len(responses), shares, meta=False), min_size=1, max_size=4)
    return Group(draw(prompt), responses, draw(some), domain=draw(domain))


@settings(max_examples=80, deadline=None)
@given(st.lists(pairwise(prompts, texts, st.floats(0, 1)), min_size=1, max_size=3))
def test_trl_keeps_every_comparison(some):
    back = load_groups(list(to_rows(some, format="trl")), format="trl")
    assert canonical(back) == canonical(some)


def test_trl_keeps_the_id_of_a_prompt_that_comes_once(folder):
    save_groups(
        [Group("q", ["a", "b"], [Comparison(1, 0, 0.25, margin=2)], id="q1")], folder / "trl.jsonl", format="trl"
    )
    assert load_groups(folder / "trl.jsonl") == [
        Group("q", ["a", "b"], [Comparison(0, 1, 0.75, margin=2)], id="q1"),
    ]


@pytest.mark.parametrize("form", ["polypref", "trl"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_tie_of_equal_scores_stays_one(form, ending, folder):
    scored = load_groups([{"text": ["q: a", "q: b"], "score": [1.0, 1.0]}])
    save_groups(scored, folder / f"scored-{form}{ending}", format=form)
    assert load_groups(folder / f"scored-{form}{ending}") == scored


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
lines = st.lists(words, min_size=1, max_size=4).map(" ".join)
dialogues = st.lists(lines, min_size=1, max_size=5).map(
    lambda said: tuple(
        Message("assistant" if k % 2 else "user", text) for k, text in enumerate(said[: len(said) // 2 * 2 + 1])
    )
)
chats = lines | dialogues.filter(lambda turns: len(turns) % 2 == 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(pairwise(chats, lines, st.sampled_from([0.0, 1.0]), st.none()), min_size=1, max_size=3))
def test_hh_rlhf_keeps_hard_votes(some):
    back = load_groups(list(to_rows(some, format="hh-rlhf")))
    assert canonical(back, keep=()) == canonical(some, as_turns, keep=())


@settings(max_examples=60, deadline=None)
@given(st.lists(pairwise(chats, lines, st.sampled_from([0.0, 0.5, 1.0]), st.none()), min_size=1, max_size=3))
def test_text_score_keeps_hard_votes_and_ties(some):
    back = load_groups(list(to_rows(some, format="text-score")))
    assert canonical(back, keep=()) == canonical(some, as_turns, keep=())


@settings(max_examples=60, deadline=None)
@given(st.lists(pairwise(prompts, texts, st.sampled_from([0.0, 1.0]), st.none() | texts), min_size=1, max_size=3))
def test_rewardbench_keeps_hard_votes(some):
    back = load_groups(list(to_rows(some, format="rewardbench")), format="rewardbench")
    assert canonical(back, keep=()) == canonical(some, lambda group: group.prompt_text, keep=())


HELD_BY = {  # groups that a form can hold
    "trl": pairwise(prompts, texts, st.floats(0, 1)),
    "hh-rlhf": pairwise(chats, lines, st.sampled_from([0.0, 1.0]), st.none()),
    "text-score": pairwise(chats, lines, st.sampled_from([0.0, 0.5, 1.0]), st.none()),
    "rewardbench": pairwise(prompts, texts, st.sampled_from([0.0, 1.0]), st.none() | texts),
}


def test_all_forms_that_are_written_are_tried():
    assert {name for name, form in all_formats().items() if form.from_group} == {*HELD_BY, "polypref"}


@pytest.mark.parametrize("form", HELD_BY)
@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_what_a_form_kept_once_it_keeps(form, ending, folder, data):
    path = folder / f"{form}-again{ending}"
    some = data.draw(st.lists(HELD_BY[form], min_size=1, max_size=3))
    assume(form != "trl" or ending != ".parquet" or len({type(group.prompt) for group in some}) == 1)  # one schema
    save_groups(some, path, format=form)
    once = load_groups(path, format=form)
    save_groups(once, path, format=form)
    assert canonical(load_groups(path, format=form)) == canonical(once)


def test_rewardbench_keeps_sources_domain_and_id():
    group = Group("q", ["a", "b"], [Comparison(1, 0)], domain="d", id="7", sources=["one", "two"])
    (back,) = load_groups(list(to_rows([group], format="rewardbench")))
    assert back == Group("q", ["b", "a"], [Comparison(0, 1)], domain="d", id="7", sources=["two", "one"])
    (back,) = load_groups(list(to_rows([Group("q", ["a", "b"], [Comparison(0, 1)])], format="rewardbench")))
    assert back == Group("q", ["a", "b"], [Comparison(0, 1)])


@pytest.mark.parametrize("form", ["trl", "hh-rlhf", "text-score", "rewardbench"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_other_forms_come_in_every_container(form, ending, folder):
    some = [
        Group("Name a bird.", ["A wren.", "A heron."], [Comparison(0, 1), Comparison(1, 0)]),
        Group("Name a fish.", ["A pike.", "A trout."], [Comparison(1, 0)]),
    ]
    save_groups(some, folder / f"{form}{ending}", format=form)
    reader = GroupReader(folder / f"{form}{ending}")
    prompt = as_turns if form in ("hh-rlhf", "text-score") else lambda group: group.prompt
    assert canonical(reader) == canonical(some, prompt)
    assert (reader.format.name, reader.rows) == (form, 3)


def test_columns_that_only_some_rows_have_reach_parquet(folder):
    some = [
        Group("first", ["a", "b"], [Comparison(0, 1)]),
        Group("second", ["a", "b"], [Comparison(0, 1, margin=1.5)]),
    ]
    save_groups(some, folder / "margin.parquet", format="trl")
    assert load_groups(folder / "margin.parquet") == some


def test_a_column_that_comes_too_late_for_parquet_is_refused(folder):
    some = [Group(f"q{k}", ["a", "b"], [Comparison(0, 1)]) for k in range(1024)]
    some.append(Group("last", ["a", "b"], [Comparison(0, 1, margin=1.5)]))
    with pytest.raises(DataError) as refusal:
        save_groups(some, folder / "late.parquet", format="trl")
    assert str(refusal.value) == "group 1025: does not fit one Parquet schema (margin comes late); write JSON lines"
    assert not (folder / "late.parquet").exists()


@pytest.mark.parametrize(
    ("form", "group", "reason"),
    [
        (
            "trl",
            Group("q", ["a"], (), [Rating(0, 1)]),
            "has no comparisons, and this format holds pairs; --pairs-from-ratings makes comparisons of its ratings",
        ),
        ("hh-rlhf", Group("q", ["a", "b"]), "has no comparisons, and this format holds pairs"),
        (
            "hh-rlhf",
            Group("q", ["a", "b"], [Comparison(0, 1, 0.5)]),
            "has a share of 0.5, and this format holds hard votes; write trl or polypref",
        ),
        (
            "hh-rlhf",
            Group([("system", "s"), ("user", "q")], ["a", "b"], [Comparison(0, 1)]),
            "has a turn of the role 'system', and transcripts know only user and assistant",
        ),
        (
            "text-score",
            Group("q", ["a", "b"], [Comparison(0, 1, 0.7)]),
            "has a share of 0.7, and this format holds hard votes; write trl or polypref",
        ),
        ("text-score", Group("q", ["a", "b"]), "has no comparisons, and this format holds pairs"),
        (
            "rewardbench",
            Group("q", ["a", "b"], [Comparison(0, 1, 0.5)]),
            "has a share of 0.5, and this format holds hard votes; write trl or polypref",
        ),
        ("rewardbench", Group("q", ["a", "b"]), "has no comparisons, and this format holds pairs"),
    ],
)
def test_what_a_form_cannot_say_is_refused_not_lost(form, group, reason, folder):
    path = folder / "refused.jsonl"
    with pytest.raises(DataError) as refusal:
        save_groups([group], path, format=form)
    assert str(refusal.value) == f"group 1: {reason}"
    assert not path.exists()


def test_forms_that_are_only_read_say_which_are_written():
    with pytest.raises(DataError) as refusal:
        to_rows([], format="dsp")
    assert str(refusal.value) == (
        "the format 'dsp' can be read but not written; writable are hh-rlhf, polypref, rewardbench, text-score, trl"
    )


# the datasets library


def test_a_trl_data_set_is_read_like_its_rows():
    some = [
        Group(
            "Name a bird.", ["A wren.", "A heron."], [Comparison(0, 1, 0.75, "a7", "kind", 4, 12.5)], domain="nature"
        ),
        Group("Name a fish.", ["A pike.", "A trout."], [Comparison(1, 0)]),
    ]
    data_set = datasets.Dataset.from_list(list(to_rows(some, format="trl")))
    reader = GroupReader(data_set)
    assert canonical(reader) == canonical(some)
    assert reader.format.name == "trl"


def test_a_data_set_of_groups_is_read_like_its_rows():
    some = [
        Group("Name a bird.", ["A wren.", "A heron."], [Comparison(0, 1, 0.75, "a7")], [Rating(1, 4)], scale=[1, 4]),
        Group("Name a fish.", ["A pike.", "A trout."], [Comparison(1, 0)], [Rating(1, 3, "a7")], scale=[1, 3]),
    ]
    data_set = datasets.Dataset.from_list(list(to_rows(some)))
    assert load_groups(data_set) == some
