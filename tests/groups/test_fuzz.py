"""Valid files, damaged at random: reading them gives groups or one DataError, never anything else."""

import copy
import datetime
import decimal
import itertools
import json
import math
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polypref.errors import DataError
from polypref.groups.formats import all_formats
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.reading import GroupReader
from polypref.groups.rows import read_rows
from polypref.groups.writing import save_groups

FIXTURES = sorted((Path(__file__).parent / "fixtures").iterdir(), key=lambda path: path.name)

ENDINGS = itertools.cycle([".jsonl", ".parquet", ".jsonl.gz", ".json", ".jsonl.zst"])

# names that mean something in one form or another, and nothing where they are put
KEYS = [
    "prompt",
    "responses",
    "chosen",
    "rejected",
    "data_subset",
    "subset",
    "text",
    "annotations",
    "score",
    "comparisons",
    "ratings",
    "rows",
    "meta",
    "messages",
    "p",
    "i",
]

ODD = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    -(10**400),
    0.5,
    -0.0,
    5e-324,
    math.nan,
    math.inf,
    "",
    " ",
    "\x00",
    "\ud800",
    "Human:",
    "\n\nHuman: a\n\nAssistant: b",
    "<extra_id_1>User\n",
    "nan",
    "1e999",
    "{",
    "[[[",
    [],
    [None],
    [[]],
    ["", 1],
    {},
    {"": None},
    {"role": "user", "content": "q"},
    {"prompt": {}, "i": []},
]


def damaged_bytes(data, chance):
    """A few bytes flipped, cut, put in, doubled or swapped."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at, to = sorted(chance.choices(range(len(data) + 1), k=2))
        to = min(to, at + chance.choice([1, 3, 30]))
        kind = chance.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:to]
        elif kind == 2:
            data[at:at] = chance.choice(
                [b'"', b"{", b"]", b",", b"\n", b"\x00", b"\xff", b"\\u", b"\\ud800", b"1e999", b"NaN"]
            )
        elif kind == 3:
            data[at:at] = data[at:to]
        else:
            data = data[:at] + data[to:] + data[at:to]
    return bytes(data)


def places(value, so_far=()):
    """Every place inside a JSON value, as the keys and indices that lead there."""
    yield so_far
    within = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in within:
        yield from places(item, (*so_far, key))


def damaged_value(value, chance):
    """A JSON value with something odd in one place of it: a value replaced, removed, moved, or under another key."""
    value = json.loads(json.dumps(value))
    path = chance.choice(list(places(value))[1:])
    parent = inside(value, path[:-1])
    kind = chance.randrange(4)
    if kind == 0:
        del parent[path[-1]]
    elif kind == 1 and isinstance(parent, dict):
        parent[chance.choice(["id", "domain", "meta", "p", "annotator", "unknown", "model_dump", "x"])] = parent.pop(
            path[-1]
        )
    elif kind == 2 and isinstance(parent, list):
        parent *= 2
    else:
        parent[path[-1]] = copy.deepcopy(chance.choice(ODD))
    if chance.random() < 0.5:
        mappings = [at for path in places(value) if isinstance(at := inside(value, path), dict)]
        if mappings:
            chance.choice(mappings)[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
    return copy.deepcopy(value)


def inside(value, path):
    """What is at a place inside a JSON value."""
    for key in path:
        value = value[key]
    return value


def check(path, form=None):
    """Read a file in both ways; what could be read is written and read again as it was, its form unsaid."""
    for skip_bad in (False, True):
        try:
            groups = list(GroupReader(path, format=form, preferred=None, skip_bad=skip_bad))
        except DataError as error:
            text = str(error)
            assert "\n" not in text
            assert text.startswith(str(path))
            assert len(text) < len(str(path)) + 900  # the names of all formats are part of one
            continue
        if groups:
            again = path.with_name(f"again{next(ENDINGS)}")
            save_groups(groups, again)
            assert list(GroupReader(again)) == groups


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_damaged_bytes_are_refused_or_read(fixture, tmp_path):
    chance = random.Random(fixture.name)
    data = fixture.read_bytes()
    path = tmp_path / fixture.name
    for _ in range(60):
        path.write_bytes(damaged_bytes(data, chance))
        check(path)


@pytest.mark.parametrize("fixture", [path for path in FIXTURES if "json" in path.suffix], ids=lambda path: path.name)
def test_odd_values_are_refused_or_read(fixture, tmp_path):
    chance = random.Random(fixture.name)
    reader = GroupReader(fixture)
    assert list(reader)
    rows = [row.value for row in read_rows(fixture)]
    path = tmp_path / "rows.jsonl"
    for _ in range(90):
        broken = damaged_value(rows, chance)
        path.write_text("\n".join(map(json.dumps, broken)))
        check(path, chance.choice([None, reader.format.name]))


@pytest.mark.parametrize("form", all_formats())
def test_rows_of_any_form_are_refused_or_read_as_any_other(form, tmp_path):
    for fixture in FIXTURES:
        path = tmp_path / fixture.name
        path.write_bytes(fixture.read_bytes())
        check(path, form)


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_damaged_containers_are_refused_or_read(ending, tmp_path):
    chance = random.Random(ending)
    path = tmp_path / f"data{ending}"
    save_groups(list(GroupReader(FIXTURES[0].with_name("polypref.jsonl"))) * 20, path)
    data = path.read_bytes()
    for _ in range(150):
        path.write_bytes(damaged_bytes(data, chance))
        check(path)


ODD_CELLS = [
    pa.array([datetime.time(1, 2, 3)]),
    pa.array([datetime.date(2020, 1, 1)]),
    pa.array([datetime.datetime(2020, 1, 1)]),
    pa.array([2**50], pa.timestamp("s")),
    pa.array([-(2**62)], pa.date64()),
    pa.array([1], pa.timestamp("us", "Nowhere/Land")),
    pa.array([decimal.Decimal("1.5")]),
    pa.array([datetime.timedelta(1)]),
    pa.array([3], pa.duration("ns")),
    pa.array([b"\xff"]),
    pa.array([None]),
    pa.array([True]),
    pa.array([float("nan")]),
    pa.array([2**63], pa.uint64()),
    pa.array(["[1]"]),
    pa.array(['{"prompt": "x"}']),
    pa.array(["text"]).dictionary_encode(),
    pa.array([{"a": datetime.time(1)}]),
    pa.array([[datetime.timedelta(2)]]),
    pa.array([[1.5]]),
    pa.array([["a", "b"]]),
    pa.array([[None]]),
    pa.array([[[b"\xff"]]]),
    pa.array([[{"i": "0", "j": 1.5, "meta": 3}]]),
    pa.array([[{"i": 0, "j": 1, "meta": '{"p": 2}'}]]),
    pa.array([[{"i": 0, "label": b"\xff"}]]),
    pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())),
]


@pytest.mark.parametrize("form", ["polypref", "own columns", "trl"])
@pytest.mark.parametrize("cells", ODD_CELLS, ids=lambda cells: str(cells.type)[:30])
def test_parquet_columns_of_any_type_are_refused_or_read(form, cells, tmp_path):
    own = [Group("q", ["a", "b"], [Comparison(0, 1)], [Rating(0, 1)], "d", "1", ["x", "y"], [1, 2], {"z": 1})]
    path = tmp_path / "data.parquet"
    save_groups(own, path, format="trl" if form == "trl" else "polypref")
    table = pq.read_table(path)
    if form == "polypref":
        table = table.replace_schema_metadata({})
    for name in [*table.column_names, "unknown"]:
        at = table.column_names.index(name) if name in table.column_names else None
        changed = table.append_column(name, cells) if at is None else table.set_column(at, name, cells)
        pq.write_table(changed, path)
        check(path)


def test_damage_is_done():
    data = b"0123456789" * 5
    assert sum(damaged_bytes(data, random.Random(seed)) != data for seed in range(100)) > 80
    row = [{"prompt": "q", "responses": ["a", "b"]}]
    assert sum(damaged_value(row, random.Random(seed)) != row for seed in range(100)) > 80
