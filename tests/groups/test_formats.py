"""Each outside form is recognised, and its rows become exactly these groups."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.groups.published import PUBLISHED

from polypref.errors import DataError
from polypref.groups.formats import all_formats
from polypref.groups.model import Comparison, Group, Message, Rating
from polypref.groups.reading import GroupReader
from polypref.groups.rows import read_rows
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups

FIXTURES = Path(__file__).parent / "fixtures"
REAL = Path(__file__).parents[3] / "shared" / "data"


def user(text):
    return (Message("user", text),)


def said(*turns):
    return tuple(Message(role, text) for role, text in zip(("user", "assistant") * len(turns), turns))


FIVE = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
OF_SCORES = {"derived_from": "scores"}
TIE_OF_SCORES = Comparison(0, 1, 0.5, meta=OF_SCORES)
PRISM_TIME = 1700668546.0  # 2023-11-22 15:55:46 UTC

# fixture → (format, groups)
EXPECTED = {
    "polypref.jsonl": (
        "polypref",
        [
            Group(
                "Name a bird.",
                ["A wren.", "A heron.", "Ein Spatz 🐦"],
                [
                    Comparison(0, 1, 0.8, "a7", "helpful", weight=5),
                    Comparison(2, 0, annotator="12", time=1700000000, margin=2, meta={"note": "close"}),
                ],
                [
                    Rating(0, 4, "a7"),
                    Rating(1, 2, criterion="style", weight=2.5, time=3.5, meta={"device": "phone"}),
                ],
                domain="nature",
                id="q17",
                sources=["wren-1", None, "heron-2"],
                scale=[1, 2, 3, 4],
                meta={"licence": "CC0"},
            ),
            Group([("system", "Be brief."), ("user", "Hello?")], ["Hi."], (), [Rating(0, "warm")], id="3"),
            Group(
                user("And you?"),
                ["Fine.", "Well."],
                [Comparison(1, 0)],
                meta={"prompt_messages": [{"role": "user", "content": "And you?", "name": "Ada"}]},
            ),
        ],
    ),
    "trl_explicit.jsonl": (
        "trl",
        [
            Group("The sky is", [" blue.", " green.", " loud."], [Comparison(0, 1), Comparison(0, 2, weight=3)]),
            Group(
                "Hello",
                ["Hello to you.", "Hello yourself."],
                [Comparison(0, 1, 0.75, "4", "polite", time=12, meta={"batch": "b1"})],
                domain="talk",
                id="9",
            ),
        ],
    ),
    "trl_implicit.jsonl": ("trl", [Group("The sky is", ["blue.", "green."], [Comparison(0, 1)])]),
    "trl_conversational.jsonl": (
        "trl",
        [
            Group(user("What colour is the sky?"), ["Blue.", "Green."], [Comparison(0, 1)]),
            Group(user("What colour is grass?"), ["Green.", "Blue."], [Comparison(0, 1)]),
            Group(user("What colour is snow?"), ["White.", "Red."], [Comparison(0, 1)]),
        ],
    ),
    "trl_conversational_implicit.jsonl": (
        "trl",
        [
            Group(
                [("system", "Be brief."), ("user", "What colour is the sky?")],
                ["Blue.", "Green.\n\nHuman: Sure?\n\nAssistant: No."],
                [Comparison(0, 1)],
            )
        ],
    ),
    "trl_margin.jsonl": ("trl", [Group("Count to two.", ["One, two.", "Two, one."], [Comparison(0, 1, margin=1.5)])]),
    "ultrafeedback_binarized.jsonl": (
        "trl",
        [
            Group(
                user("Name a prime."),
                ["7", "9"],
                [Comparison(0, 1, meta={"prompt_id": "f0e37e9f", "score_chosen": 8.5, "score_rejected": 3.0})],
            )
        ],
    ),
    "hh_rlhf.jsonl": (
        "hh-rlhf",
        [
            Group(
                said("How do I poach an egg?", "Do you have vinegar?", "Yes."),
                ["Add a spoon to simmering water.", "Good for you."],
                [Comparison(0, 1)],
            ),
            Group(user("Hi!"), ["Hello.", "What?\n\nHuman: Nothing.\n\nAssistant: Right."], [Comparison(0, 1)]),
        ],
    ),
    "text_score_hh.json": (
        "text-score",
        [
            Group(
                user("Is tea a soup?"),
                ["No.", "Only on Sundays.", "Maybe.", "Yes."],
                [Comparison(0, 1), Comparison(0, 2), Comparison(2, 3, 0.5, meta=OF_SCORES), Comparison(0, 3)],
            )
        ],
    ),
    "text_score_webgpt.json": (
        "text-score",
        [
            Group(user("Why do cats knead?"), ["Habit [1].", "Comfort [2]."], [Comparison(1, 0)]),
            Group(
                user("What is time?"),
                ["A river.", "A clock."],
                [TIE_OF_SCORES],
                domain="physics",
                id="5",
            ),
        ],
    ),
    "dsp.json": (
        "dsp",
        [
            Group(
                "Write a line about change.",
                ["Change is defined as difference.", "Change pays.", "Things change."],
                [
                    Comparison(0, 1, criterion="academy"),
                    Comparison(0, 2, criterion="academy"),
                    Comparison(1, 0, criterion="business"),
                    Comparison(1, 2, criterion="business"),
                ],
                sources=["academy", "business", "normal"],
            ),
            Group(
                "What is rest?",
                ["An absence of motion.", "A pause."],
                [Comparison(0, 1, criterion="academy"), Comparison(0, 1, criterion="business")],
                sources=["academy | business", "normal"],
                meta={"source": "notes"},
            ),
        ],
    ),
    "hidden_context.jsonl": (
        "hidden-context",
        [
            Group(
                user("May I pet your dog?"),
                ["Yes, gently.", "No.", "Ask him gently."],
                [
                    Comparison(0, 1, 0.0, criterion="harmless"),
                    Comparison(0, 2, 1.0, criterion="helpful", meta={"row": 2}),
                ],
            ),
            Group(user("Say more?"), ["Well, no.", "no."], [Comparison(0, 1, 0.0)]),
        ],
    ),
    "named_outputs.jsonl": (
        "named-outputs",
        [
            Group(
                "Pick a number.",
                ["Four.", "Five."],
                [Comparison(1, 0, 0.25, "judge"), Comparison(0, 1, 1.0)],
                sources=["ant | cat", "bee"],
                meta={"subset": "games"},
            )
        ],
    ),
    "alpaca_eval.json": (
        "alpaca-eval",
        [
            Group(
                "How do I boil rice?",
                ["In water.", "Rinse it, then simmer it."],
                [Comparison(0, 1, 0.25, "weighted_judge", meta={"dataset": "koala", "price_per_example": 0.01})],
                sources=["baseline", "candidate"],
            ),
            Group(
                "Translate.\n\nBrot",
                ["Bread", "Broth"],
                [Comparison(0, 1, 1.0, "3")],
                sources=["baseline", "candidate"],
            ),
            Group(
                "Translate.\n\nSalz",
                ["Salt", "Salz?"],
                [Comparison(0, 1, 0.5, "3")],
                sources=["baseline", "candidate"],
            ),
        ],
    ),
    "rewardbench.jsonl": (
        "rewardbench",
        [
            Group(
                "How do I boil an egg?",
                ["For eight minutes.", "Eggs are oval."],
                [Comparison(0, 1)],
                domain="alpacaeval-easy",
                id="0",
                sources=["tall", "small"],
            )
        ],
    ),
    "rewardbench_2.jsonl": (
        "rewardbench",
        [
            Group(
                "Name a colour of the rainbow.",
                ["Red.", "Blue.", "Brown.", "Pink."],
                [Comparison(0, 2), Comparison(0, 3), Comparison(1, 2), Comparison(1, 3)],
                domain="Ties",
                id="tied:0",
                sources=["m1", "m1", "m2", "m2"],
                meta={"num_correct": 2, "num_incorrect": 2, "total_completions": 4},
            ),
            Group(
                "What is two and two?",
                ["Four.", "Five.", "Six."],
                [Comparison(0, 1), Comparison(0, 2)],
                domain="Math",
                id="17",
                sources=["m1", "m2 | m4", "m3"],
                meta={"num_correct": 1, "num_incorrect": 3, "total_completions": 4},
            ),
        ],
    ),
    "lewidi_2025_csc.json": (
        "lewidi",
        [
            Group(
                "Steve drops a cup and sighs.",
                ["Well done, Steve.", "Are you hurt?"],
                (),
                [Rating(0, 6, "Ann844"), Rating(0, 1, "Ann845"), Rating(0, 6, "Ann846"), Rating(1, 1, "Ann844")],
                scale=[1, 2, 3, 4, 5, 6],
                meta={
                    "annotation task": "sarcasm detection",
                    "split": "dev",
                    "lang": "en",
                    "rows": [
                        {
                            "id": "3944",
                            "number of annotators": 3,
                            "number of annotations": 3,
                            "other_info": {"context+speaker": "232_2089"},
                        },
                        {
                            "id": "3945",
                            "number of annotators": 1,
                            "number of annotations": 1,
                            "other_info": {"context+speaker": "232_2090"},
                        },
                    ],
                },
            )
        ],
    ),
    "lewidi_2025_mp.json": (
        "lewidi",
        [
            Group(
                "Yellow?",
                ["If your pastry is green, send it back."],
                (),
                [Rating(0, 0, "Ann0"), Rating(0, 1, "Ann20")],
                id="2",
                scale=[0, 1],
                meta={
                    "annotation task": "irony detection",
                    "number of annotations": 2,
                    "split": "dev",
                    "lang": "en",
                    "other_info": {"source": "reddit", "level": 1.0, "language_variety": "in"},
                },
            )
        ],
    ),
    "lewidi_2025_varierr.json": (
        "lewidi",
        [
            Group(
                "The next year, she built a house.",
                ["The house took one year."],
                (),
                [Rating(0, "neutral", "Ann1"), Rating(0, "entailment", "Ann2"), Rating(0, "neutral", "Ann2")],
                id="49807",
                meta={
                    "annotation task": "natural language inference",
                    "number of annotators": 2,
                    "number of annotations": 3,
                    "split": "dev",
                    "lang": "en",
                },
            )
        ],
    ),
    "lewidi_2023_convabuse.json": (
        "lewidi",
        [
            Group(
                [("assistant", "You are sure?"), ("user", "no"), ("assistant", "You are being a bit negative.")],
                ["go away"],
                (),
                [Rating(0, -2, "Ann1"), Rating(0, -1, "Ann2"), Rating(0, 0, "Ann3")],
                id="11",
                scale=[-3, -2, -1, 0, 1],
                meta={
                    "annotation task": "abusivness detection",
                    "number of annotations": 3,
                    "lang": "en",
                    "hard_label": "1",
                    "split": "train",
                },
            ),
            Group(
                [("assistant", "_")],
                ["Hello"],
                (),
                [Rating(0, 1, "Ann1"), Rating(0, 1, "Ann4")],
                id="12",
                scale=[-3, -2, -1, 0, 1],
                meta={
                    "annotation task": "abusivness detection",
                    "number of annotations": 2,
                    "lang": "en",
                    "split": "dev",
                },
            ),
        ],
    ),
    "ultrafeedback.jsonl": (
        "ultrafeedback",
        [
            Group(
                "Name a prime number and say why it is prime.",
                ["7: its only divisors are 1 and 7.", "9, because it is odd."],
                (),
                [
                    Rating(
                        0,
                        5,
                        criterion="helpfulness",
                        meta={"Rationale": "Clear.", "Rationale For Rating": "Complete.", "Type": ["1", "2"]},
                    ),
                    Rating(1, 2, criterion="helpfulness", meta={"Rationale": "Wrong."}),
                    Rating(1, 3, criterion="honesty", meta={"Rationale": "Bold."}),
                ],
                domain="evol_instruct",
                sources=["tall", "small"],
                scale=[1, 2, 3, 4, 5],
                meta={
                    "models": ["tall", "small"],
                    "correct_answers": ["None"],
                    "incorrect_answers": ["None"],
                    "completions": [
                        {
                            "model": "tall",
                            "custom_system_prompt": "Be helpful.",
                            "principle": "helpfulness",
                            "critique": "Good.",
                            "fine-grained_score": 5.0,
                            "overall_score": 9.0,
                        },
                        {"model": "small", "overall_score": 3.0},
                    ],
                },
            )
        ],
    ),
    "helpsteer2.jsonl": (
        "helpsteer2",
        [
            Group(
                said("Let us code.", "Sure, what?", "A function that adds."),
                ["def add(a, b):\n    return a + b", "Use a calculator."],
                (),
                [Rating(0, label, criterion=name) for name, label in zip(FIVE, (3, 4, 4, 2, 1))]
                + [Rating(1, label, criterion=name) for name, label in zip(FIVE, (0, 1, 4, 0, 0))],
                scale=[0, 1, 2, 3, 4],
            )
        ],
    ),
    "helpsteer2_disagreements.jsonl": (
        "helpsteer2",
        [
            Group(
                "Define a signal.",
                ["A carrier of news."],
                (),
                [
                    Rating(0, 3, criterion="helpfulness"),
                    Rating(0, 4, criterion="helpfulness"),
                    Rating(0, 4, criterion="correctness"),
                    Rating(0, 4, criterion="correctness"),
                    Rating(0, 2, criterion="correctness"),
                    Rating(0, 4, criterion="coherence"),
                    Rating(0, 1, criterion="verbosity"),
                    Rating(0, 0, criterion="verbosity"),
                ],
                scale=[0, 1, 2, 3, 4],
            )
        ],
    ),
    "helpsteer2_preference.jsonl": (
        "helpsteer2-preference",
        [
            Group(
                "Define a signal.",
                ["A form of energy.", "A message from a sender to a receiver."],
                [
                    Comparison(0, 1, 0.0, margin=1, meta={"justification": "It is complete."}),
                    Comparison(0, 1, 0.5, margin=0, meta={"justification": "Alike."}),
                    Comparison(0, 1, 1.0, margin=3, meta={"justification": "Too long."}),
                ],
                meta={
                    "preference_strength": 1,
                    "split": "train",
                    "preference_statement": "@Response 2 is slightly better.",
                    "preference_elaboration": "It is complete.",
                },
            ),
            Group(
                "Define noise.",
                ["Unwanted sound.", "Sound."],
                [Comparison(0, 1, 1.0, margin=2, meta={"statement": "@Response 1 is better."})],
                meta={"preference_strength": -2, "split": "val"},
            ),
            Group(
                "Define echo.",
                ["A sound come back.", "A cave."],
                [Comparison(0, 1, 1.0, margin=1)],
                meta={"preference_strength": -1, "split": "val"},
            ),
        ],
    ),
    "helpsteer3.jsonl": (
        "helpsteer3",
        [
            Group(
                said("Let us code.", "Sure.", "Fix the &lt;= sign."),
                ["Here is the corrected code.", "x < y"],
                [
                    Comparison(0, 1, 1.0, margin=1, meta={"reasoning": "Slightly better."}),
                    Comparison(0, 1, 0.0, margin=3, meta={"reasoning": "Shorter.", "feedback1": "Long."}),
                    Comparison(0, 1, 0.5, margin=0, meta={"reasoning": "Alike."}),
                ],
                domain="code",
                meta={"overall_preference": -2, "language": "python"},
            ),
            Group(
                user("Hello?"),
                ["Hi.", "What?"],
                [Comparison(0, 1, 0.0, margin=2)],
                domain="general",
                meta={"overall_preference": 2, "language": "english"},
            ),
        ],
    ),
    "shp.json": (
        "shp",
        [
            Group(
                "How do I take raspberries apart?",
                ["With a sieve.", "With patience.", "Why?"],
                [
                    Comparison(
                        0,
                        1,
                        1.0,
                        time=1636822112,
                        meta={
                            "upvote_ratio": 0.98,
                            "c_root_id_A": "h1",
                            "c_root_id_B": "h2",
                            "score_A": 340,
                            "score_B": 166,
                            "seconds_difference": 2.0,
                            "score_ratio": 2.05,
                        },
                    ),
                    Comparison(
                        2,
                        0,
                        0.0,
                        time=1636822120,
                        meta={
                            "upvote_ratio": 0.98,
                            "c_root_id_A": "h3",
                            "c_root_id_B": "h1",
                            "score_A": 12,
                            "score_B": 340,
                            "seconds_difference": 8.0,
                            "score_ratio": 28.3,
                        },
                    ),
                ],
                domain="askculinary",
                id="qt3nxl",
            )
        ],
    ),
    "prism.jsonl": (
        "prism",
        [
            Group(
                user("Is it ok to be late?"),
                ["Never.", "It depends."],
                (),
                [
                    Rating(
                        0,
                        20,
                        "user0",
                        time=PRISM_TIME,
                        meta={"if_chosen": False, "model_provider": "cohere", "within_turn_id": 1},
                    ),
                    Rating(
                        1,
                        83,
                        "user0",
                        time=PRISM_TIME,
                        meta={"if_chosen": True, "model_provider": "openai", "within_turn_id": 0},
                    ),
                    Rating(1, 80, "user0", "values", time=PRISM_TIME),
                    Rating(1, 90, "user0", "fluency", time=PRISM_TIME),
                ],
                domain="unguided",
                id="c0.0",
                sources=["command", "gpt-4"],
                scale=range(1, 101),
                meta={
                    "included_in_balanced_subset": True,
                    "conversation_turns": 2,
                    "opening_prompt": "Is it ok to be late?",
                    "choice_attributes": {"values": 75},
                    "open_feedback": "Good overall.",
                    "timing_duration_s": 555.9,
                },
            ),
            Group(
                said("Is it ok to be late?", "It depends.", "Why?"),
                ["Because of context.", "It varies."],
                (),
                [
                    Rating(
                        0,
                        70,
                        "user0",
                        time=PRISM_TIME,
                        meta={"if_chosen": True, "model_provider": "openai", "within_turn_id": 0},
                    ),
                    Rating(
                        1,
                        65,
                        "user0",
                        time=PRISM_TIME,
                        meta={"if_chosen": False, "model_provider": "openai", "within_turn_id": 1},
                    ),
                ],
                domain="unguided",
                id="c0.1",
                sources=["gpt-4", "gpt-4"],
                scale=range(1, 101),
            ),
        ],
    ),
    "prism_utterances.jsonl": (
        "prism-utterances",
        [
            Group(
                user("Is it ok to be late?"),
                ["It depends.", "Never."],
                (),
                [
                    Rating(
                        0,
                        83,
                        "user0",
                        meta={
                            "utterance_id": "ut0",
                            "interaction_id": "int0",
                            "conversation_id": "c0",
                            "within_turn_id": 0,
                            "included_in_balanced_subset": True,
                            "model_provider": "openai",
                            "if_chosen": True,
                        },
                    ),
                    Rating(
                        1,
                        20,
                        "user0",
                        meta={
                            "utterance_id": "ut1",
                            "interaction_id": "int0",
                            "conversation_id": "c0",
                            "within_turn_id": 1,
                            "included_in_balanced_subset": True,
                            "model_provider": "cohere",
                            "if_chosen": False,
                        },
                    ),
                ],
                domain="unguided",
                sources=["gpt-4", "command"],
                scale=range(1, 101),
            )
        ],
    ),
    "votes.csv": (
        "votes",
        [
            Group(
                "Name a fish.",
                ["Trout, of course.", "Salmon.", "Pike."],
                [
                    Comparison(0, 1, 1.0, "ada", "helpful", weight=2, time=1700000000, meta={"remark": "quick"}),
                    Comparison(1, 0, 1.0, "bob"),
                    Comparison(2, 1, 0.5, "7", weight=0.5, time=12.5),
                ],
                domain="nature",
            ),
            Group("Name a\nship.", ["The Argo.", "A raft."], [Comparison(0, 1, 0.0, "ada")]),
        ],
    ),
    "votes.tsv": ("votes", [Group("Name a tree.", ["Oak.", "Grass."], [Comparison(0, 1, 1.0)])]),
    "votes.jsonl": ("votes", [Group("Name a tree.", ["Oak.", "Elm."], [Comparison(0, 1, 0.5, weight=4, time=1.5)])]),
    "ratings.csv": (
        "ratings",
        [
            Group(
                "Name a star.",
                ["Sirius.", "The moon."],
                (),
                [Rating(0, 4, "ada", "helpful"), Rating(1, 1.5, "bob", weight=3), Rating(0, 5, "bob")],
            )
        ],
    ),
}

EXPECTED |= PUBLISHED


def test_every_fixture_is_expected_and_every_format_has_one():
    assert {path.name for path in FIXTURES.iterdir()} == EXPECTED.keys()
    assert {name for name, _ in EXPECTED.values()} == all_formats().keys()


@pytest.mark.parametrize("fixture", EXPECTED)
def test_a_file_is_recognised_and_gives_exactly_these_groups(fixture):
    name, groups = EXPECTED[fixture]
    reader = GroupReader(FIXTURES / fixture)
    assert list(reader) == groups
    assert reader.format.name == name
    assert (reader.skipped, reader.first_skipped) == (Counter(), None)


@pytest.mark.parametrize("fixture", EXPECTED)
def test_of_the_formats_that_fit_a_row_one_alone_is_the_most_specific(fixture):
    name, _ = EXPECTED[fixture]
    for row in read_rows(FIXTURES / fixture):
        fitting = [fmt for fmt in all_formats().values() if fmt.recognises(row.value)]
        specific = Counter({fmt.name: fmt.known_keys(row.value) for fmt in fitting})
        (first, most), *others = specific.most_common()
        assert first == name
        assert all(count < most for _, count in others)


@pytest.mark.parametrize("fixture", EXPECTED)
def test_naming_the_format_changes_nothing(fixture):
    name, groups = EXPECTED[fixture]
    assert load_groups(FIXTURES / fixture, format=name) == groups


@pytest.mark.parametrize("fixture", EXPECTED)
@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_what_was_read_is_written_and_read_again(fixture, ending, tmp_path):
    _, groups = EXPECTED[fixture]
    save_groups(groups, tmp_path / f"again{ending}")
    reader = GroupReader(tmp_path / f"again{ending}")
    assert list(reader) == groups
    assert reader.format.name == "polypref"


# nulls that Parquet fills in are part of what is kept of messages; a column of text and numbers it does not hold
@pytest.mark.parametrize("fixture", sorted(PUBLISHED.keys() - {"trl_tools.jsonl", "votes_wsdm.jsonl"}))
def test_published_rows_mean_the_same_in_parquet(fixture, tmp_path):
    rows = [row.value for row in read_rows(FIXTURES / fixture)]
    columns = dict.fromkeys(key for row in rows for key in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in columns})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert load_groups(tmp_path / "rows.parquet") == PUBLISHED[fixture][1]


def test_a_reader_can_be_read_twice():
    reader = GroupReader(FIXTURES / "votes.csv")
    assert list(reader) == list(reader)
    assert reader.rows == 4


def test_dsp_with_a_preferred_domain_has_that_domain_alone_win():
    groups = load_groups(FIXTURES / "dsp.json", preferred="business")
    assert groups == [
        Group(
            "Write a line about change.",
            ["Change is defined as difference.", "Change pays.", "Things change."],
            [Comparison(1, 0), Comparison(1, 2)],
            domain="business",
            sources=["academy", "business", "normal"],
        ),
        Group(
            "What is rest?",
            ["An absence of motion.", "A pause."],
            [Comparison(0, 1)],
            domain="business",
            sources=["academy | business", "normal"],
            meta={"source": "notes"},
        ),
    ]


def test_dsp_can_be_asked_for_the_plain_answers_too():
    first, _ = load_groups(FIXTURES / "dsp.json", preferred="normal")
    assert first.comparisons == (Comparison(2, 0), Comparison(2, 1))


def test_a_trl_dialogue_told_twice_is_told_once():
    row = {"prompt": "Human: Hi\n\nAssistant:", "chosen": "Human: Hi\n\nAssistant: Hello.", "rejected": "x"}
    row["rejected"] = "Human: Hi\n\nAssistant: What?"
    (group,) = load_groups([row])
    assert group.responses == ("Hello.", "What?")


def test_rows_may_come_from_memory():
    rows = [{"prompt": "q", "response_a": "a", "response_b": "b", "winner": "b"}] * 2
    assert load_groups(rows) == [Group("q", ["a", "b"], [Comparison(0, 1, 0.0)] * 2)]


def test_unknown_rows_are_refused_with_what_would_help():
    with pytest.raises(DataError) as refusal:
        load_groups([{"frage": 1, "ant\nwort": 2}])
    assert str(refusal.value) == (
        "no known format has rows with frage, ant wort; name one with --format "
        f"({', '.join(all_formats())}) or bring the rows into polypref's own form "
        "(prompt, responses, comparisons, ratings)"
    )


def test_parts_of_a_data_set_are_not_rows():
    with pytest.raises(DataError, match=r"^expected rows, got parts named train, test; give one of them$"):
        load_groups({"train": [], "test": []})


@pytest.mark.parametrize(
    ("form", "changes", "field", "reason"),
    [
        ("alpaca-eval", {"preference": None}, "preference", "is null: the annotator gave no answer"),
        ("alpaca-eval", {"preference": 2.5}, "preference", "expected a number from 1 to 2, got 2.5"),
        ("alpaca-eval", {"output_2": "In water."}, "output_2", "output_1 and output_2 are the same text"),
        ("dsp", {"responses": {"a": "x", "b": " "}}, "responses.b", "is empty"),
        ("helpsteer2", {"verbosity": 5}, "verbosity", "expected a rating from 0 to 4, got 5"),
        ("helpsteer2", {"response": ""}, "response", "is empty"),
        (
            "helpsteer2",
            {"coherence": "4"},
            "coherence",
            "expected a valid integer or a valid list, got '4'",
        ),
        (
            "helpsteer2-preference",
            {"all_preferences_unprocessed": [{"strength": 4}]},
            "all_preferences_unprocessed[0].strength",
            "expected a strength from -3 to 3, got 4",
        ),
        (
            "helpsteer2-preference",
            {"all_preferences_unprocessed": [{"strength": -100}]},
            "all_preferences_unprocessed",
            "holds no annotator's answer",
        ),
        ("helpsteer2-preference", {"response_1": " "}, "response_1", "is empty"),
        (
            "helpsteer3",
            {"individual_preference": [{"score": 0}, {"score": -4}]},
            "individual_preference[1].score",
            "expected a strength from -3 to 3, got -4",
        ),
        (
            "helpsteer3",
            {"response2": "Here is the corrected code."},
            "response2",
            "response1 and response2 are the same text",
        ),
        ("helpsteer3", {"context": []}, "prompt", "expected at least one chat message, got none"),
        ("hidden-context", {"responses": ["a"]}, "responses", "expected two responses, got 1"),
        ("hidden-context", {"chosen": "Assistant: Perhaps."}, "chosen", "ends with neither of the responses"),
        (
            "hh-rlhf",
            {"rejected": "\n\nHuman: Hi!\n\nAssistant: Hello."},
            "rejected",
            "chosen and rejected share no first turn",
        ),
        ("hh-rlhf", {"rejected": "Hello."}, "rejected", "expected a dialogue that starts with 'Human:'"),
        ("lewidi", {"text": "plain"}, "text", "expected an object with the parts of the text, got 'plain'"),
        (
            "lewidi",
            {"text": {"left": "x"}},
            "text",
            "expected the parts context/response, post/reply, Question1/Question2, context/statement or agent/user, "
            "got left",
        ),
        ("lewidi", {"text": {"context": "x", "response": ""}}, "text.response", "expected text, got ''"),
        ("lewidi", {"annotations": ""}, "annotations", "is empty"),
        (
            "lewidi",
            {"annotations": "1,2", "annotators": "a,b,c"},
            "annotations",
            "expected one label of each of 3 annotators, got 2",
        ),
        ("lewidi", {"annotations": {"a": "7"}}, "annotations", "expected one of 1, 2, 3, 4, 5, 6, got 7"),
        (
            "named-outputs",
            {"comparisons": [{"a": "ant", "b": "elk", "p_a_over_b": 1}]},
            "comparisons[0].b",
            "'elk' has no response",
        ),
        (
            "named-outputs",
            {"comparisons": [{"a": "ant", "b": "cat", "p_a_over_b": 1}]},
            "comparisons[0]",
            "compares two copies of the same response",
        ),
        (
            "named-outputs",
            {"comparisons": [{"a": "ant", "b": "bee", "p_a_over_b": 2}]},
            "comparisons[0].p_a_over_b",
            "expected a share from 0 to 1, got 2",
        ),
        (
            "prism",
            {"generated_datetime": "yesterday"},
            "generated_datetime",
            "expected a date and time, got 'yesterday'",
        ),
        (
            "prism",
            {"performance_attributes": {"values": 0}},
            "performance_attributes.values",
            "expected a whole number from 1 to 100, got 0",
        ),
        (
            "prism",
            {"conversation_history": [{"turn": 0, "role": "user", "content": "Hi"}]},
            "conversation_history[0]",
            "expected a turn of one user message and the models' answers to it",
        ),
        ("prism-utterances", {"turn": 1}, "turn", "is a later turn, whose history is in conversations.jsonl alone"),
        ("prism-utterances", {"model_response": "EMPTY STRING"}, "model_response", "is empty"),
        ("prism-utterances", {"score": 0}, "score", "expected a whole number from 1 to 100, got 0"),
        ("ratings", {"rating": "good"}, "rating", "expected a number, got 'good'"),
        ("ratings", {"rating": "nan"}, "rating", "expected a number, got 'nan'"),
        ("ratings", {"response": " "}, "response", "is empty"),
        ("rewardbench", {"rejected": []}, "rejected", "is empty"),
        (
            "rewardbench",
            {"rejected": ["Eggs.", "For eight minutes."]},
            "rejected",
            "the same text is chosen and rejected",
        ),
        ("shp", {"labels": 2}, "labels", "expected 1 (A is preferred) or 0 (B is), got 2"),
        ("shp", {"human_ref_B": ""}, "human_ref_B", "is empty"),
        ("text-score", {"score": [1.0]}, "score", "expected one score for each of 2 texts, got 1"),
        (
            "text-score",
            {"text": ["Human: a\n\nAssistant: b"], "score": [1]},
            "text",
            "expected at least two texts to compare",
        ),
        ("text-score", {"text": ["Human: a\n\nAssistant: b"] * 2}, "text[1]", "text[0] and text[1] are the same text"),
        (
            "text-score",
            {"text": ["left", "right"]},
            "prompt",
            "there is no prompt, and text[0] and text[1] do not begin alike",
        ),
        (
            "trl",
            {"rejected": [{"role": "assistant", "content": "x"}]},
            "rejected",
            "expected chosen and rejected of one kind, text or messages",
        ),
        ("trl", {"rejected": " blue."}, "rejected", "chosen and rejected are the same text"),
        ("trl", {"chosen": ""}, "chosen", "is empty"),
        ("ultrafeedback", {"completions": []}, "completions", "is empty"),
        (
            "ultrafeedback",
            {"completions": [{"response": " ", "annotations": {}}]},
            "completions[0].response",
            "is empty",
        ),
        (
            "ultrafeedback",
            {"completions": [{"response": "x", "annotations": {"honesty": {"Rating": "6"}}}]},
            "completions[0].annotations.honesty.Rating",
            "expected '1' to '5' or 'N/A', got '6'",
        ),
        (
            "ultrafeedback",
            {"completions": [{"response": "x", "annotations": {"honesty": {}}}]},
            "completions[0].annotations.honesty.Rating",
            "is missing",
        ),
        ("alpaca", {"instruction": " ", "input": ""}, "instruction", "is empty"),
        ("alpaca", {"history": [["Hello?"]]}, "history[0]", "expected what was asked and what was answered"),
        ("alpaca", {"rejected": "Bread"}, "rejected", "chosen and rejected are the same text"),
        (
            "alpaca-outputs",
            {"output": ["a", "b", "c"]},
            "output",
            "expected the better answer and the worse one, got 3",
        ),
        ("arena", {"winner": "left"}, "winner", "expected a, b or tie, got 'left'"),
        (
            "arena",
            {"conversation_b": [{"role": "user", "content": "Name a hill."}]},
            "conversation_b",
            "conversation_a and conversation_b share no first turn",
        ),
        ("arena", {"conversation_a": "Hi"}, "conversation_a", "expected a valid list, got 'Hi'"),
        (
            "arena",
            {"conversation_a": [{"role": "user", "content": [{"type": "text"}]}]},
            "conversation_a[0].content",
            "expected a valid string, got [{'type': 'text'}]",
        ),
        (
            "arena-55k",
            {"winner_tie": "1"},
            "winner_model_a",
            "expected one outcome to be 1 and the others 0, got 1, 0, 1",
        ),
        ("arena-55k", {"response_a": '["a", "b"]'}, "response_a", "expected an answer to each of 1 prompts, got 2"),
        ("arena-55k", {"prompt": "[1"}, "prompt", "expected a valid list, got '[1'"),
        ("judgebench", {"label": "A=B"}, "label", "expected 'A>B' or 'B>A', got 'A=B'"),
        ("kto", {"label": 2}, "label", "expected true or false, got 2"),
        ("kto", {"completion": " "}, "completion", "is empty"),
        ("kto", {"prompt": None}, "prompt", "is missing"),
        ("kto-tags", {"kto_tag": "maybe"}, "kto_tag", "expected true or false, got 'maybe'"),
        ("kto-tags", {"output": None}, "conversations", "expected a dialogue that ends with the assistant's answer"),
        ("llmbar", {"label": 3}, "label", "expected 1 or 2, got 3"),
        ("nectar", {"answers": [{"answer": "x", "rank": 1}]}, "answers", "expected at least two answers to compare"),
        (
            "nectar",
            {"answers": [{"answer": "x", "rank": 1}, {"answer": "", "rank": 2}]},
            "answers[1].answer",
            "is empty",
        ),
        (
            "oasst",
            {"prompt": {"message_id": "r", "role": "judge", "text": "x"}},
            "prompt.role",
            "expected prompter or assistant, got 'judge'",
        ),
        (
            "oasst",
            {
                "prompt": {
                    "message_id": "r",
                    "role": "prompter",
                    "text": "x",
                    "replies": [{"message_id": "a", "role": "assistant", "text": "y", "labels": {"quality": 1}}],
                }
            },
            "prompt.replies[0].labels.quality",
            "expected a value and a count, got 1",
        ),
        ("oasst-messages", {"parent_id": "z"}, "parent_id", "is of no message in the file"),
        ("oasst-messages", {"message_id": None}, "message_id", "expected the id of a message"),
        ("orca", {"chatgpt": ""}, "chatgpt", "is empty"),
        ("pku-saferlhf", {"better_response_id": 2}, "better_response_id", "expected 0 or 1, got 2"),
        ("pku-saferlhf", {"safer_response_id": -1}, "safer_response_id", "expected 0 or 1, got -1"),
        (
            "sharegpt",
            {"chosen": {"from": "bot", "value": "x"}},
            "chosen.from",
            "expected one of human, user, gpt, assistant, function_call, observation, tool, system, got 'bot'",
        ),
        ("sharegpt", {"conversations": [{"from": "human"}]}, "conversations[0].value", "expected text, got None"),
        ("summarize", {"choice": 2}, "choice", "expected 0 or 1, got 2"),
        ("summarize", {"summaries": [{"text": "x"}]}, "summaries", "expected two summaries, got 1"),
        ("summarize", {"info": {"title": "x"}}, "info", "expected a post or an article"),
        (
            "summarize-axes",
            {"summary": {"text": "x", "axes": {"overall": 8}}},
            "summary.axes.overall",
            "expected a whole number from 1 to 7, got 8",
        ),
        (
            "summarize-axes",
            {"summary": {"text": "x", "axes": {}}},
            "summary.axes",
            "expected one of the axes overall, accuracy, coverage, coherence",
        ),
        ("webgpt", {"score_0": -2.0}, "score_0", "expected a number from -1 to 1, got -2"),
        ("webgpt", {"score_1": 0.5}, "score_1", "expected the scores to sum to 0, got -0.25 and 0.5"),
        ("votes", {"winner": 2}, "winner", "expected 0 (the first) or 1 (the second), got 2"),
        ("votes", {"winner": "left"}, "winner", "expected a, b or tie, got 'left'"),
        ("votes", {"weight": "many"}, "weight", "expected a number, got 'many'"),
        ("votes", {"weight": "0"}, "weight", "expected a positive number of votes, got 0"),
        ("votes", {"time": "noon"}, "time", "expected a number, got 'noon'"),
        ("votes", {"response_b": "Trout, of course."}, "response_b", "response_a and response_b are the same text"),
    ],
)
def test_a_row_that_means_nothing_is_refused_by_the_name_of_its_field(form, changes, field, reason):
    if form == "alpaca":
        fixture = "alpaca_pairs.json"
    elif form == "kto-tags":
        fixture = "kto_alpaca.json"
    else:
        fixture = next(name for name, (known, _) in EXPECTED.items() if known == form)
    row = {**next(read_rows(FIXTURES / fixture)).value, **changes}
    with pytest.raises(DataError) as refusal:
        load_groups([row], format=form)
    assert (refusal.value.field, refusal.value.reason, refusal.value.row) == (field, reason, 1)


@pytest.mark.parametrize(
    ("winner", "share"),
    [
        *[(winner, 1.0) for winner in ("a", "A", " model_a ", "response_a", "tall", 0, 0.0, "0")],
        *[(winner, 0.0) for winner in ("b", "B", "model_b", "response_b", "small", 1, 1.0, "1")],
        *[(winner, 0.5) for winner in ("tie", "Tie", "tie (bothbad)", "both_bad", "tie (inconsistent)")],
    ],
)
def test_a_winner_is_understood_however_it_is_put(winner, share):
    row = {"prompt": "q", "response_a": "x", "response_b": "y", "winner": winner, "model_a": "tall", "model_b": "small"}
    (group,) = load_groups([row])
    assert (group.comparisons[0].p, group.sources) == (share, ("tall", "small"))


@pytest.mark.parametrize("winner", ["2", 2, -1, 0.5, "tall", "A>B", 10**400])
def test_a_winner_that_names_neither_is_refused(winner):
    row = {"prompt": "q", "response_a": "x", "response_b": "y", "winner": winner, "model_a": "one", "model_b": "one"}
    with pytest.raises(DataError, match=r"^row 1, field winner: expected "):
        load_groups([row])


def test_rows_that_could_be_of_two_forms_are_refused_until_one_is_named():
    row = {"question": "q", "chosen": "x", "rejected": "y", "instruction": "i", "output": ["v", "w"]}
    assert load_groups([row]) == [Group("i\n\nq", ["x", "y"], [Comparison(0, 1, meta={"output": ["v", "w"]})])]
    row = {"prompt": "p", "completion": "x", "label": True, "instruction": "i", "output": ["v", "w"]}
    with pytest.raises(DataError) as refusal:
        load_groups([row])
    assert str(refusal.value) == (
        "the rows are of the forms alpaca-outputs and kto alike; name the one that is meant with --format"
    )
    assert load_groups([row], format="kto")[0].responses == ("x",)
    assert load_groups([row], format="alpaca-outputs")[0].responses == ("v", "w")


def test_a_dialogue_with_a_question_beside_it_is_still_a_dialogue():
    row = {"chosen": "\n\nHuman: q\n\nAssistant: x", "rejected": "\n\nHuman: q\n\nAssistant: y", "question": "z"}
    assert load_groups([row]) == [Group(user("q"), ["x", "y"], [Comparison(0, 1, meta={"question": "z"})])]


def test_what_turns_say_beside_who_said_what_is_kept():
    turns = [{"from": "human", "value": "q", "weight": 0.5}]
    answer = {"from": "gpt", "value": "x"}
    pair = {"conversations": turns, "chosen": answer, "rejected": "y"}
    assert load_groups([pair]) == [Group(user("q"), ["x", "y"], [Comparison(0, 1, meta={"conversations": turns})])]
    rated = {"conversations": [*turns, answer], "label": True}
    meta = {"conversations": [*turns, answer]}
    assert load_groups([rated]) == [Group(user("q"), ["x"], (), [Rating(0, 1, meta=meta)], scale=[0, 1])]


def test_content_in_parts_and_tool_calls_are_read_as_text_and_kept():
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    prompt = [
        {"role": "user", "content": [{"type": "image", "url": "a.png"}, {"type": "text", "text": "Here?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
    ]
    (group,) = load_groups([{"prompt": prompt, "responses": ["Yes."]}])
    assert group.prompt == (
        Message("user", "<image>\nHere?"),
        Message("assistant", '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>'),
        Message("tool", "sunny"),
    )
    assert group.meta == {"prompt_messages": prompt}


def test_a_message_of_a_model_that_called_no_tool_says_something():
    row = {"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": None}]}
    with pytest.raises(DataError) as refusal:
        load_groups([{**row, "rejected": [{"role": "assistant", "content": "a"}]}])
    assert str(refusal.value) == "row 1, field chosen[0].content: expected a valid string, got None"


def test_messages_that_come_in_any_order_are_put_together_and_counted():
    reader = GroupReader(FIXTURES / "oasst_messages.jsonl")
    assert (len(list(reader)), reader.rows) == (2, 6)
    lost = [row.value for row in read_rows(FIXTURES / "oasst_messages.jsonl")]
    del lost[0]  # "b", which "c" answers
    reader = GroupReader(lost, skip_bad=True)
    assert [group.responses for group in reader] == [("It is nothing.",)]
    assert reader.skipped == {"parent_id: is of no message in the file": 1}


# file → (format, rows, rows left out, groups, responses, comparisons, ratings)
REAL_FILES = {
    "alpaca_eval/pairs.dev": ("named-outputs", 71, 1, 70, 2064, 1994, 0),
    "alpaca_eval/pairs.train": ("named-outputs", 595, 1, 594, 17548, 16956, 0),
    "dsp/domains.dev": ("dsp", 63, 0, 63, 312, 996, 0),
    "dsp/domains.train": ("dsp", 500, 1, 499, 2460, 7844, 0),
    "general/harmless.dev": ("text-score", 213, 0, 213, 426, 213, 0),
    "general/harmless.train": ("text-score", 1728, 2, 1725, 3452, 1726, 0),
    "general/helpful.dev": ("text-score", 230, 0, 230, 460, 230, 0),
    "general/helpful.train": ("text-score", 1788, 3, 1785, 3570, 1785, 0),
    "general/webgpt.dev": ("text-score", 81, 0, 81, 162, 81, 0),
    "general/webgpt.train": ("text-score", 676, 0, 676, 1352, 676, 0),
    "hidden_context/both.dev": ("hidden-context", 402, 0, 401, 804, 402, 0),
    "hidden_context/both.train": ("hidden-context", 3047, 7, 3040, 6080, 3040, 0),
    "lewidi/convabuse.dev": ("lewidi", 812, 0, 722, 812, 0, 2414),
    "lewidi/convabuse.train": ("lewidi", 2398, 0, 2030, 2398, 0, 7144),
    "lewidi/csc.train": ("lewidi", 704, 0, 71, 704, 0, 3186),
    "lewidi/paraphrase.dev": ("lewidi", 50, 0, 50, 50, 0, 200),
    "lewidi/paraphrase.train": ("lewidi", 400, 0, 400, 400, 0, 1600),
    "rewardbench/llmbar.dev": ("rewardbench", 100, 0, 100, 200, 100, 0),
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_published_data_is_read_whole_but_for_its_broken_rows(name):
    path = REAL / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("published data, which lie beside the repository, are absent")
    form, rows, left_out, *sizes = REAL_FILES[name]
    reader = GroupReader(path, skip_bad=True)
    groups = list(reader)
    assert (reader.format.name, reader.rows, reader.skipped.total()) == (form, rows, left_out)
    counts = [len(groups), sum(map(len, groups))]
    counts += [sum(len(group.comparisons) for group in groups), sum(len(group.ratings) for group in groups)]
    assert counts == sizes


def test_rows_of_published_data_that_are_left_out_are_named_with_their_reason():
    path = REAL / "hidden_context" / "both.train.jsonl.gz"
    if not path.exists():
        pytest.skip("published data, which lie beside the repository, are absent")
    reader = GroupReader(path, skip_bad=True)
    list(reader)
    assert reader.skipped == {
        "responses[n]: is empty": 5,
        "responses[n]: responses[0] and responses[1] are the same text": 2,
    }
    assert str(reader.first_skipped) == f"{path}, row 624, field responses[0]: is empty"
