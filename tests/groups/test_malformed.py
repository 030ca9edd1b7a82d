"""Broken files and rows: one sentence says where and what; bad rows can be left out, and the good ones survive."""

import gzip
import json
import re
import warnings

import pyarrow as pa
import pytest

from polypref.errors import DataError
from polypref.groups.formats import all_formats
from polypref.groups.model import Comparison, Group
from polypref.groups.reading import GroupReader
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups

GOOD = [Group("first", ["a", "b"], [Comparison(0, 1)]), Group("last", ["a", "b"], [Comparison(1, 0)])]
FIRST = b'{"prompt": "first", "responses": ["a", "b"], "comparisons": [{"i": 0, "j": 1}]}'
LAST = b'{"prompt": "last", "responses": ["a", "b"], "comparisons": [{"i": 1, "j": 0}]}'


def refusal_of(path, **options):
    with pytest.raises(DataError) as refusal:
        load_groups(path, **options)
    text = str(refusal.value)
    assert "\n" not in text
    assert len(text.replace(", ".join(all_formats()), "")) - len(str(path)) < 400
    return text


def assert_left_out(path, groups, reason, **options):
    """With skip_bad, exactly one row is left out, for this reason, and the others are read."""
    reader = GroupReader(path, skip_bad=True, **options)
    assert list(reader) == groups
    assert reader.skipped.total() == 1
    assert str(reader.first_skipped) == reason
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_groups(path, skip_bad=True, **options)
    assert [str(warning.message) for warning in caught] == [f"left out 1 of {reader.rows} rows; the first: {reason}"]


def row(**changes):
    return {"prompt": "q", "responses": ["a", "b"], **changes}


def comparison(**changes):
    return row(comparisons=[{"i": 0, "j": 1, **changes}])


def rating(**changes):
    return row(ratings=[{"i": 0, "label": 1, **changes}])


HUGE = 10**400

# what is wrong → (row of polypref's own form, what is said of it)
BAD_ROWS = {
    "no prompt": ({"responses": ["a"]}, "field prompt: is missing"),
    "no responses": ({"prompt": "q"}, "field responses: is missing"),
    "empty object": ({}, "field prompt: is missing"),
    "prompt is a number": (row(prompt=3), "field prompt: expected a valid string or a valid list, got 3"),
    "prompt is empty": (row(prompt=""), "field prompt: is empty"),
    "prompt is white space": (row(prompt=" \t\n"), "field prompt: is empty"),
    "no messages": (row(prompt=[]), "field prompt: expected at least one chat message, got none"),
    "message without content": (row(prompt=[{"role": "user"}]), "field prompt[0].content: is missing"),
    "content is null": (
        row(prompt=[{"role": "user", "content": None}]),
        "field prompt[0].content: expected a valid string, got None",
    ),
    "empty role": (
        row(prompt=[{"role": "", "content": "q"}]),
        "field prompt[0].role: expected a role such as 'user', got ''",
    ),
    "no response": (row(responses=[]), "field responses: expected at least one response, got none"),
    "responses is text": (row(responses="a"), "field responses: expected a valid list, got 'a'"),
    "response is null": (row(responses=["a", None]), "field responses[1]: expected a valid string, got None"),
    "response is empty": (row(responses=["a", ""]), "field responses[1]: is empty"),
    "response is white space": (row(responses=["\u2003", "b"]), "field responses[0]: is empty"),
    "index out of range": (
        comparison(j=2),
        "field comparisons[0]: compares responses 0 and 2 of 2 (indices start at 0)",
    ),
    "negative index": (
        comparison(i=-1),
        "field comparisons[0].i: expected the index of a response (0, 1, …), got -1",
    ),
    "index is a fraction": (comparison(i=0.5), "field comparisons[0].i: expected a valid integer, got 0.5"),
    "index is true": (comparison(j=True), "field comparisons[0].j: expected a valid integer, got True"),
    "index is missing": (row(comparisons=[{"i": 0}]), "field comparisons[0].j: is missing"),
    "huge index": (
        comparison(j=HUGE),
        f"field comparisons[0]: compares responses 0 and 1{'0' * 56}… of 2 (indices start at 0)",
    ),
    "self-comparison": (comparison(j=0), "field comparisons[0].j: compares response 0 with itself"),
    "share above one": (comparison(p=1.5), "field comparisons[0].p: expected a share from 0 to 1, got 1.5"),
    "share below zero": (comparison(p=-0.1), "field comparisons[0].p: expected a share from 0 to 1, got -0.1"),
    "share is NaN": (comparison(p=float("nan")), "field comparisons[0].p: expected a finite number, got nan"),
    "share is infinite": (comparison(p=float("inf")), "field comparisons[0].p: expected a finite number, got inf"),
    "share is true": (comparison(p=True), "field comparisons[0].p: expected a valid number, got True"),
    "share is text": (comparison(p="0.8"), "field comparisons[0].p: expected a valid number, got '0.8'"),
    "no votes": (
        comparison(weight=0),
        "field comparisons[0].weight: expected a positive number of votes, got 0.0",
    ),
    "negative weight": (
        rating(weight=-2),
        "field ratings[0].weight: expected a positive number of votes, got -2.0",
    ),
    "huge weight": (
        comparison(weight=HUGE),
        f"field comparisons[0].weight: expected a valid number, got 1{'0' * 56}…",
    ),
    "time is text": (comparison(time="noon"), "field comparisons[0].time: expected a valid number, got 'noon'"),
    "margin is a list": (comparison(margin=[1]), "field comparisons[0].margin: expected a valid number, got [1]"),
    "annotator is an object": (
        comparison(annotator={"id": 1}),
        "field comparisons[0].annotator: expected a valid string or a valid integer, got {'id': 1}",
    ),
    "criterion is a number": (
        rating(criterion=3),
        "field ratings[0].criterion: expected a valid string, got 3",
    ),
    "comparisons is an object": (
        row(comparisons={"i": 0, "j": 1}),
        "field comparisons: expected a valid list, got {'i': 0, 'j': 1}",
    ),
    "comparison is a list": (
        row(comparisons=[[0, 1]]),
        "field comparisons[0]: expected a valid dictionary, got [0, 1]",
    ),
    "label is missing": (row(ratings=[{"i": 0}]), "field ratings[0].label: is missing"),
    "label is true": (
        rating(label=True),
        "field ratings[0].label: expected a valid integer or a valid number or a valid string, got True",
    ),
    "huge label": (
        rating(label=2**53 + 1),
        "field ratings[0].label: expected a finite number or a name, got 9007199254740993",
    ),
    "label not on the scale": (
        row(ratings=[{"i": 0, "label": 3}], scale=[1, 2]),
        "field ratings[0].label: 3 is not on the scale [1, 2]",
    ),
    "rated response out of range": (rating(i=7), "field ratings[0].i: rates response 7 of 2 (indices start at 0)"),
    "scale names a label twice": (row(scale=[1, 2, 1.0]), "field scale: names a label twice: [1, 2, 1.0]"),
    "sources of another length": (
        row(sources=["one"]),
        "field sources: expected one source for each of 2 responses, got 1",
    ),
    "id is a fraction": (row(id=1.5), "field id: expected a valid string or a valid integer, got 1.5"),
    "domain is a list": (row(domain=["d"]), "field domain: expected a valid string, got ['d']"),
}


@pytest.mark.parametrize("problem", BAD_ROWS)
@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz"])
def test_a_bad_row_is_refused_or_left_out(problem, ending, tmp_path):
    bad, reason = BAD_ROWS[problem]
    lines = [FIRST, json.dumps(bad).encode(), LAST]
    data = b"[" + b",\n".join(lines) + b"]" if ending == ".json" else b"\n".join(lines)
    path = tmp_path / f"rows{ending}"
    path.write_bytes(gzip.compress(data) if ending == ".jsonl.gz" else data)
    placed = f"{path}, row 2, {reason}"
    assert refusal_of(path) == placed
    assert_left_out(path, GOOD, placed)


# what is wrong → (the line, what is said of it; … is in the parser's words)
BAD_LINES = {
    "not JSON": (b"prompt: q", "is not JSON (… at column 1)"),
    "cut short": (FIRST[:-5], "is not JSON (… at column 74)"),
    "single quotes": (b"{'prompt': 'q'}", "is not JSON (… at column 2)"),
    "trailing comma": (b'{"prompt": "q",}', "is not JSON (… at column 16)"),
    "two rows on a line": (FIRST + FIRST, "is not JSON (… at column 80)"),
    "a control character": (b'{"prompt": "\x01"}', "is not JSON (… at column 13)"),
    "a lone surrogate": (rb'{"prompt": "\ud800"}', "is not JSON (… at column 19)"),
    "too many digits": (b'{"prompt": ' + b"9" * 5000 + b"}", "is not JSON (… at column 4313)"),
    "a number": (b"3", "expected a JSON object with named fields, got int"),
    "text": (b'"row"', "expected a JSON object with named fields, got str"),
    "null": (b"null", "expected a JSON object with named fields, got NoneType"),
    "a list": (b'["q", "a"]', "expected a JSON object with named fields, got list"),
    "nested too deeply": (b'{"a":' * 300 + b"1" + b"}" * 300, "is nested too deeply"),
    "Latin-1 text": ('{"prompt": "Vögel"}'.encode("latin-1"), "is not UTF-8 text (byte 0xf6 at position 14)"),
}


@pytest.mark.parametrize("problem", BAD_LINES)
def test_a_line_that_is_no_row_is_refused_or_left_out(problem, tmp_path):
    line, reason = BAD_LINES[problem]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([FIRST, line, LAST, b""]))
    placed = refusal_of(path)
    assert re.fullmatch(re.escape(f"{path}, row 2: {reason}").replace("…", ".+"), placed)
    assert_left_out(path, GOOD, placed)


@pytest.mark.parametrize("line", [b"[1, 2]", b'"text"', b"3", b"{}"])
def test_a_bad_first_line_does_not_spoil_the_others(line, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([line, FIRST, LAST]))
    reader = GroupReader(path, skip_bad=True)
    assert list(reader) == GOOD
    assert reader.skipped.total() == 1


def test_white_space_around_rows_is_nothing(tmp_path):
    for name in ("rows.jsonl", "rows.json"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf\n \r\n" + FIRST + b"\r\n\n\t\n  " + LAST + b"  \n\n")
        assert load_groups(tmp_path / name) == GOOD


DEEP = b"[" * 100_000
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
GZIP = gzip.compress(b"\n".join([FIRST, LAST] * 200), mtime=0)
ZSTD = pa.compress(b"\n".join([FIRST, LAST] * 200), codec="zstd", asbytes=True)
HEADER = b"prompt,response_a,response_b,winner\n"

# what is wrong → (file name, its bytes, a regular expression for what is said of it)
BAD_FILES = {
    "empty": ("rows.jsonl", b"", r": has no rows"),
    "blank lines only": ("rows.jsonl", b"\n \n\r\n\t\n", r": has no rows"),
    "empty list": ("rows.json", b" [] ", r": has no rows"),
    "empty CSV": ("rows.csv", b"", r": has no rows"),
    "header alone": ("rows.csv", HEADER, r": has no rows"),
    "empty gzip": ("rows.jsonl.gz", gzip.compress(b""), r": has no rows"),
    "UTF-16": ("rows.jsonl", FIRST.decode().encode("utf-16"), r": is UTF-16 text; save it as UTF-8"),
    "UTF-16 CSV": ("rows.csv", HEADER.decode().encode("utf-16"), r": is UTF-16 text; save it as UTF-8"),
    "Latin-1 CSV": (
        "rows.csv",
        HEADER + b"q,a,b,a\nv\xf6gel,a,b,a\n",
        r", row 3: is not UTF-8 text \(byte 0xf6 at position 2\)",
    ),
    "Latin-1 list": ("rows.json", b'[{"prompt": "\xf6"}]', r": is not UTF-8 text \(byte 0xf6 at position 14\)"),
    "a PNG image": ("rows.jsonl", PNG, r", row 1: is not UTF-8 text \(byte 0x89 at position 1\)"),
    "a PNG image as list": ("rows.json", PNG, r", row 1: is not UTF-8 text \(byte 0x89 at position 1\)"),
    "list cut short": (
        "rows.json",
        b"[" + FIRST + b",\n" + LAST,
        r": is not JSON \(EOF while parsing a list at line 2 column 78\)",
    ),
    "list of scalars": ("rows.json", b"[1, 2]", r", row 1: expected a JSON object with named fields, got int"),
    "nested too deeply": ("rows.json", DEEP, r": is nested too deeply"),
    "gzip cut short": ("rows.jsonl.gz", GZIP[:-30], r": the compressed stream ends early; the file is truncated"),
    "gzip cut to its head": ("rows.jsonl.gz", GZIP[:8], r": the compressed stream ends early; the file is truncated"),
    "gzip damaged": (
        "rows.jsonl.gz",
        GZIP[:30] + bytes([GZIP[30] ^ 255]) + GZIP[31:],
        r"(, row \d+)?: the compressed stream is damaged \(.+\)",
    ),
    "gzip of wrong checksum": (
        "rows.jsonl.gz",
        GZIP[:-8] + bytes(4) + GZIP[-4:],
        r"(, row \d+)?: the compressed stream is damaged \(CRC check failed .+\)",
    ),
    "gzip with a tail": (
        "rows.jsonl.gz",
        GZIP + b"tail",
        r"(, row \d+)?: the compressed stream is damaged \(Not a gzipped file \(b'ta'\)\)",
    ),
    "zstd cut short": ("rows.jsonl.zst", ZSTD[:-9], r": the compressed stream ends early; the file is truncated"),
    "zstd damaged": (
        "rows.jsonl.zst",
        ZSTD[:12] + bytes([ZSTD[12] ^ 255]) + ZSTD[13:],
        r"(, row \d+)?: the compressed stream is damaged \(.+\)",
    ),
    "Parquet in name alone": (
        "rows.parquet",
        b"PAR1 and nothing more",
        r": is not a readable Parquet file \(Parquet magic bytes not found in footer.+\)",
    ),
    "unknown keys": (
        "rows.jsonl",
        b'{"question": "q", "answer": "a"}',
        r": no known format has rows with question, answer; name one with --format \(.+\) "
        r"or bring the rows into polypref's own form \(prompt, responses, comparisons, ratings\)",
    ),
    "column twice": ("rows.csv", b"prompt,winner,prompt\nq,a,r\n", r", row 1: names the column prompt twice"),
    "CSV quote never closed": (
        "rows.csv",
        HEADER + b'q,a,b,a\n"q,a,b,a\n',
        r", row 3: is not CSV \(unexpected end of data\)",
    ),
    "CSV quote within a cell": (
        "rows.csv",
        HEADER + b'"q"x,a,b,a\n',
        r", row 2: is not CSV \(',' expected after '\"'\)",
    ),
}


@pytest.mark.parametrize("problem", BAD_FILES)
@pytest.mark.parametrize("skip_bad", [False, True], ids=["strict", "skip"])
def test_a_broken_file_is_refused_whole(problem, skip_bad, tmp_path):
    name, data, reason = BAD_FILES[problem]
    path = tmp_path / name
    path.write_bytes(data)
    assert re.fullmatch(re.escape(str(path)) + reason, refusal_of(path, skip_bad=skip_bad))


def test_a_damaged_stream_is_refused_even_after_good_rows(tmp_path):
    many = b"\n".join(b'{"prompt": "q%d", "responses": ["a"]}' % k for k in range(60_000))
    for name, data in {
        "rows.jsonl.gz": gzip.compress(many),
        "rows.jsonl.zst": pa.compress(many, codec="zstd", asbytes=True),
    }.items():
        path = tmp_path / name
        path.write_bytes(data[: len(data) // 2])
        text = refusal_of(path, skip_bad=True)
        assert re.fullmatch(
            re.escape(str(path)) + r", row \d+: the compressed stream ends early; the file is truncated", text
        )


# CSV rows


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"q,a,b,a,more", ": has more cells than the header's 4"),
        (b"q,a,b", ", field winner: is missing"),
        (b"q,a,,b", ", field response_b: is missing"),
        (b"q,a,b,c", ", field winner: expected a, b or tie, got 'c'"),
        (b"q,same,same,a", ", field response_b: response_a and response_b are the same text"),
        (b"q,  ,b,a", ", field response_a: is empty"),
    ],
)
def test_a_bad_line_of_csv_is_refused_or_left_out(line, reason, tmp_path):
    path = tmp_path / "votes.csv"
    path.write_bytes(HEADER + b"first,a,b,a\n\n" + line + b"\nlast,b,a,tie\n")
    placed = f"{path}, row 4{reason}"
    assert refusal_of(path) == placed
    kept = [Group("first", ["a", "b"], [Comparison(0, 1)]), Group("last", ["b", "a"], [Comparison(0, 1, 0.5)])]
    assert_left_out(path, kept, placed)


def test_spaces_in_the_header_and_a_column_of_row_numbers_are_no_matter(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_bytes(b",prompt, response_a, response_b, winner\n0,q,a,b,b\n")
    assert load_groups(path) == [Group("q", ["a", "b"], [Comparison(0, 1, 0.0)])]


# rows of other forms; what each of them refuses is with its own tests

OTHER_FORMS = {
    "chosen is rejected": (
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "chosen": "a", "rejected": "a"},
        "field rejected: chosen and rejected are the same text",
    ),
    "nothing shared": (
        {"chosen": "the same words", "rejected": "the same deeds"},
        {"chosen": "left", "rejected": "right"},
        "field prompt: there is no prompt, and chosen and rejected do not begin alike",
    ),
    "preference out of range": (
        {"instruction": "q", "output_1": "a", "output_2": "b", "preference": 1},
        {"instruction": "q", "output_1": "a", "output_2": "b", "preference": 3.5},
        "field preference: expected a number from 1 to 2, got 3.5",
    ),
    "scores of another length": (
        {"text": ["Human: q\n\nAssistant: a", "Human: q\n\nAssistant: b"], "score": [1.0, 0.0]},
        {"text": ["Human: q\n\nAssistant: a", "Human: q\n\nAssistant: b"], "score": [1.0]},
        "field score: expected one score for each of 2 texts, got 1",
    ),
    "strength out of range": (
        {"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": 1},
        {"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": -100},
        "field preference_strength: expected a strength from -3 to 3, got -100",
    ),
}


@pytest.mark.parametrize("problem", OTHER_FORMS)
def test_a_bad_row_of_another_form_is_refused_or_left_out(problem, tmp_path):
    good, bad, reason = OTHER_FORMS[problem]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, [good, bad, good])))
    placed = f"{path}, row 2, {reason}"
    assert refusal_of(path) == placed
    (merged,) = GroupReader(path, skip_bad=True)
    assert len(merged.comparisons) == 2
    assert_left_out(path, [merged], placed)


def test_rows_of_one_prompt_with_different_scales_are_refused_or_left_out(tmp_path):
    item = {"text": {"post": "q", "reply": "a"}, "annotations": {"ada": "1"}, "soft_label": {"0": 0.0, "1": 1.0}}
    other = {**item, "text": {"post": "q", "reply": "b"}, "soft_label": {"1": 1.0, "2": 0.0}}
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, [item, other, item])))
    placed = f"{path}, row 2, field scale: the rows of one prompt have different scales, [0, 1] and [1, 2]"
    assert refusal_of(path) == placed
    (kept,) = GroupReader(path, skip_bad=True)
    assert kept.responses == ("a",)
    assert_left_out(path, [kept], placed)


def test_a_preferred_domain_that_a_row_lacks_is_refused_or_left_out(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(
        json.dumps([{"query": "q", "responses": {"x": "a", "y": "b"}}, {"query": "r", "responses": {"y": "a"}}])
    )
    placed = f"{path}, row 2, field responses: has no response for 'x', only for y"
    assert refusal_of(path, preferred="x") == placed
    kept = Group("q", ["a", "b"], [Comparison(0, 1)], domain="x", sources=["x", "y"])
    assert_left_out(path, [kept], placed, preferred="x")


# names


def test_a_file_that_does_not_exist(tmp_path):
    path = tmp_path / "nowhere.jsonl"
    assert refusal_of(path) == f"{path}: cannot be read (No such file or directory)"


def test_a_relative_file_that_does_not_exist_is_not_sought_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal_of("data/train.jsonl") == "data/train.jsonl: cannot be read (No such file or directory)"


def test_a_folder_is_no_file(tmp_path):
    assert refusal_of(tmp_path) == f"{tmp_path}: cannot be read (Is a directory)"


def test_an_unknown_format_is_refused_before_anything_is_read():
    with pytest.raises(DataError, match=r"^unknown format 'csv'; known are alpaca, alpaca-eval, .+, votes, webgpt$"):
        GroupReader("nowhere.jsonl", format="csv")


def test_rows_that_are_no_rows():
    with pytest.raises(DataError) as refusal:
        load_groups([{"prompt": "q", "responses": ["a"]}, "row"])
    assert str(refusal.value) == "row 2: expected a row with named fields, got str"
    with pytest.raises(DataError, match=r"^no known format has rows with 1, 2; "):
        load_groups([{1: "q", 2: "a"}])
    with pytest.raises(DataError, match=r"^row 1(, field .+)?: Keys should be strings, got 1$"):
        load_groups([{"prompt": "q", "responses": ["a"], 1: 2}])


def test_reasons_are_counted_without_what_differs_by_row(tmp_path):
    path = tmp_path / "rows.jsonl"
    bad = [comparison(p=2), comparison(p=3), row(responses=["a", "b", ""]), row(responses=["", "b"]), comparison(j=9)]
    path.write_text("\n".join(map(json.dumps, [*bad, row()])))
    reader = GroupReader(path, skip_bad=True)
    assert len(list(reader)) == 1
    assert reader.skipped == {
        "comparisons[n].p: expected a share from 0 to 1": 2,
        "responses[n]: is empty": 2,
        "comparisons[n]: compares responses 0 and 9 of 2": 1,
    }


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".jsonl.gz"])
def test_a_row_longer_than_the_longest_is_refused_early(ending, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_LONGEST_ROW", "100")
    path = tmp_path / f"data{ending}"
    text = b"prompt,chosen,rejected\n" if ending == ".csv" else FIRST + b"\n"
    text += b"a" * 1000
    path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    said = "is longer than 100 bytes; if it is meant to be, set POLYPREF_LONGEST_ROW to more"
    assert refusal_of(path) == f"{path}, row 2: {said}"


def test_an_endless_file_is_refused(monkeypatch):
    monkeypatch.setenv("POLYPREF_LONGEST_ROW", "100000")
    assert refusal_of("/dev/zero").startswith("/dev/zero, row 1: is longer than 100,000 bytes")


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_row_that_is_too_long_is_left_out_alone(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    text = b"\n".join([FIRST, b'{"prompt": "' + b"a" * 3_000_000 + b'"}', LAST])
    path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    reason = f"{path}, row 2: is longer than 100,000 bytes; if it is meant to be, set POLYPREF_LONGEST_ROW to more"
    assert_left_out(path, GOOD, reason, longest_row=100_000)
    assert refusal_of(path, longest_row=100_000) == reason
    assert refusal_of(path, longest_row=4_000_000) == f"{path}, row 2, field responses: is missing"


def test_a_line_without_end_is_refused_also_where_bad_rows_are_left_out():
    said = refusal_of("/dev/zero", skip_bad=True, longest_row=1000)
    assert said == "/dev/zero, row 1: is longer than 256,000 bytes, and no end is in sight"


@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_a_document_that_is_too_long_to_be_read_whole_is_refused(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    text = b"[" + b",".join([FIRST] * 10) + b" " * 10_000 + b"]"
    path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    assert len(load_groups(path, longest_row=5_000)) == 10
    said = "is longer than 400 bytes, and can only be read whole: write JSON lines, or set POLYPREF_LONGEST_ROW to more"
    for skip_bad in (False, True):
        assert refusal_of(path, longest_row=100, skip_bad=skip_bad) == f"{path}: {said} than 100"


@pytest.mark.parametrize("size", ["", "0", "much"])
def test_a_longest_row_that_is_no_size_is_refused(size, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_LONGEST_ROW", size)
    (tmp_path / "data.jsonl").write_bytes(FIRST)
    assert refusal_of(tmp_path / "data.jsonl").endswith(f"POLYPREF_LONGEST_ROW is {size!r}; expected a number of bytes")


@pytest.mark.parametrize(("name", "what"), [("a\0b.jsonl", "a NUL character"), ("a\ud800.jsonl", "a lone surrogate")])
def test_what_is_no_name_of_a_file_is_refused(name, what):
    said = f"{name!a}: is no name of a file: it has {what}"
    assert refusal_of(name) == said
    with pytest.raises(DataError) as refusal:
        save_groups(GOOD, name)
    assert str(refusal.value) == said
