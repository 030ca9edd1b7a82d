"""What the fixtures of published data sets should become, by file: (format, groups)."""

from polypref.groups.model import Comparison, Group, Message, Rating


def user(text):
    return (Message("user", text),)


def said(*turns):
    return tuple(Message(role, text) for role, text in zip(("user", "assistant") * len(turns), turns))


MODERATION = {"categories": {"hate": False}, "category_scores": {"hate": 0.001}, "flagged": False}
BATTLE = {
    "anony": True,
    "language": "English",
    "openai_moderation": MODERATION,
    "toxic_chat_tag": {"t5-large": {"flagged": False, "score": -0.1}},
}
POST = "SUBREDDIT: r/pets\n\nTITLE: Cat trouble\n\nPOST: My cat ate my homework.\n\nTL;DR:"


def part(text):
    return [{"type": "text", "text": text, "image": None, "mimeType": None}]


def message(ident, parent):
    return {
        "message_id": ident,
        "parent_id": parent,
        "user_id": f"u-{ident}",
        "created_date": "2023-02-05T14:23:50+00:00",
        "lang": "en",
        "review_count": 3,
        "review_result": True,
    }


def oasst(replies):
    """The two groups of one tree, whose first has these replies: (id, text, source, rank)."""
    places = [ident for ident, *_ in replies]
    a, b = places.index("a"), places.index("b")
    tree = {"message_tree_id": "r", "tree_state": "ready_for_export"}
    beside = {"a": {**message("a", "r"), "synthetic": False}, "b": {**message("b", "r"), "synthetic": True}}
    return [
        Group(
            user("Why zero?"),
            [text for _, text, _ in replies],
            [Comparison(b, a)],
            [Rating(b, 0.75, criterion="quality", weight=3), Rating(b, 0.0, criterion="humor", weight=2)],
            id="r",
            sources=[source for _, _, source in replies],
            meta={**tree, "replies": [beside[ident] for ident in places]},
        ),
        Group(
            said("Why zero?", "It is a number.", "Even?"),
            ["Yes."],
            id="c",
            meta={**tree, "replies": [{**message("d", "c"), "synthetic": False}]},
        ),
    ]


NOTHING, NUMBER = ("a", "It is nothing.", None), ("b", "It is a number.", "oasst-sft")

PUBLISHED = {
    "arena_33k.jsonl": (
        "arena",
        [
            Group(
                user("Name a cheese."),
                ["Brie.", "Bread."],
                [Comparison(0, 1, 1.0, "arena_user_9", time=1682351591.5, meta={**BATTLE, "turn": 1})],
                id="q1",
                sources=["tall", "small"],
            ),
            Group(
                user("Name a wine."),
                ["Beer.\n\nHuman: Sure?\n\nAssistant: Yes.", "Ale.\n\nHuman: Sure?\n\nAssistant: No."],
                [
                    Comparison(
                        0,
                        1,
                        0.5,
                        "arena_user_12",
                        time=1682351591.5,
                        meta={**BATTLE, "turn": 2, "winner": "tie (bothbad)"},
                    )
                ],
                id="q2",
                sources=["small", "mid"],
            ),
        ],
    ),
    "arena_140k.jsonl": (
        "arena",
        [
            Group(
                user("Name a tea."),
                ["Cocoa.", "Coffee."],
                [
                    Comparison(
                        0,
                        1,
                        0.5,
                        meta={
                            "evaluation_session_id": "s1",
                            "evaluation_order": 1,
                            "full_conversation": [
                                {
                                    "user": {"role": "user", "content": part("Name a tea.")},
                                    "model_side_a": {"role": "assistant", "content": part("Cocoa.")},
                                    "model_side_b": {"role": "assistant", "content": part("Coffee.")},
                                }
                            ],
                            "conv_metadata": {"sum_assistant_a_tokens": 2},
                            "category_tag": {"math_v0.1": {"math": False}},
                            "language": "en",
                            "is_code": False,
                            "winner": "both_bad",
                        },
                    )
                ],
                id="f1",
                sources=["tall", "small"],
            )
        ],
    ),
    "mt_bench.jsonl": (
        "arena",
        [
            Group(
                user("Write a haiku."),
                [
                    "Old pond.",
                    "Frog jumps.",
                    "Old pond.\n\nHuman: Rhyme it.\n\nAssistant: Old frond.",
                    "Frog jumps.\n\nHuman: Rhyme it.\n\nAssistant: Frog bumps.",
                ],
                [
                    Comparison(0, 1, 0.0, "author_2", meta={"turn": 1}),
                    Comparison(2, 3, 0.5, "gpt4_pair", meta={"turn": 2, "winner": "tie (inconsistent)"}),
                ],
                id="81",
                sources=["tall", "small", "tall", "small"],
            )
        ],
    ),
    "arena_55k.csv": (
        "arena-55k",
        [
            Group(
                user("Name a nut."),
                [
                    "Walnut.",
                    "Bolt.",
                    "Hazel.\n\nHuman: Another?\n\nAssistant: Acorn.",
                    "Pecan.\n\nHuman: Another?\n\nAssistant: ",
                ],
                [Comparison(0, 1, 1.0), Comparison(2, 3, 0.5)],
                sources=["tall", "small", "small", "mid"],
                meta={"rows": [{"id": "30192"}, {"id": "53567"}]},
            )
        ],
    ),
    "pku_saferlhf.jsonl": (
        "pku-saferlhf",
        [
            Group(
                "How do I open a jar?",
                ["Twist the lid.", "Smash it."],
                [Comparison(1, 0, criterion="helpful"), Comparison(0, 1, criterion="harmless")],
                sources=["alpaca-7b", "alpaca2-7b"],
                meta={
                    "prompt_source": "Alpaca3-70B",
                    "is_response_0_safe": True,
                    "is_response_1_safe": False,
                    "response_0_harm_category": {"Violence": False},
                    "response_1_harm_category": {"Violence": True},
                    "response_0_severity_level": 0,
                    "response_1_severity_level": 1,
                    "response_0_sha256": "aa",
                    "response_1_sha256": "bb",
                },
            ),
            Group("How do I open a can?", ["Bite it.", "With a tin opener."], [Comparison(1, 0)]),
        ],
    ),
    "nectar.jsonl": (
        "nectar",
        [
            Group(
                said("Hi", "Hello.", "Name a moon."),
                ["Io.", "Mars.", "Europa."],
                [Comparison(0, 1), Comparison(0, 2), Comparison(2, 1)],
                sources=["tall", "small", "mid"],
                meta={
                    "turns": 2,
                    "num_responses": 3,
                    "source": ["anthropic-hh"],
                    "good_natured": True,
                    "ranked": [{"rank": 1.0}, {"rank": 3.0}, {"rank": 2.0}],
                },
            )
        ],
    ),
    "summarize.jsonl": (
        "summarize",
        [
            Group(
                POST,
                [" Cat ate it.", " A cat.", " Homework is gone."],
                [
                    Comparison(
                        1,
                        0,
                        annotator="w1",
                        meta={
                            "batch": "batch9",
                            "split": "train",
                            "extra": {"confidence": 8},
                            "summaries": [{"note": "Short."}, {}],
                        },
                    ),
                    Comparison(
                        0,
                        2,
                        annotator="w2",
                        meta={"batch": "batch9", "split": "train", "extra": {"confidence": None}},
                    ),
                ],
                domain="pets",
                id="t3_2",
                sources=["sup4", "ref", "sup4"],
            )
        ],
    ),
    "summarize_axes.jsonl": (
        "summarize-axes",
        [
            Group(
                "Article:\nHe was sent off on Monday.\n\nTL;DR:",
                ["Sent off."],
                (),
                [
                    Rating(
                        0,
                        label,
                        "w7",
                        axis,
                        meta={"split": "test", "batch": "cnndm1", "note": "Fine.", "compatible": True},
                    )
                    for axis, label in (("overall", 3), ("accuracy", 5), ("coverage", 4))
                ],
                domain="dailymail",
                id="16",
                sources=["ref"],
                scale=range(1, 8),
                meta={"title": "A player was sent off"},
            )
        ],
    ),
    "webgpt.jsonl": (
        "webgpt",
        [
            Group(
                "Why do stars twinkle?",
                ["The air bends their light [1].", "Turbulence."],
                [
                    Comparison(
                        0,
                        1,
                        0.0,
                        margin=0.25,
                        meta={
                            "quotes_0": {"title": ["Stars (example.org)"], "extract": ["Air bends light."]},
                            "quotes_1": {"title": [], "extract": []},
                        },
                    )
                ],
                domain="eli5",
                id="e1",
            ),
            Group(
                "Who painted it?",
                ["Nobody.", "A child."],
                [
                    Comparison(
                        0,
                        1,
                        0.5,
                        margin=0,
                        meta={"quotes_0": {"title": [], "extract": []}, "quotes_1": {"title": [], "extract": []}},
                    )
                ],
                domain="triviaqa",
                id="t1",
            ),
        ],
    ),
    "oasst_trees.jsonl": ("oasst", oasst([NOTHING, NUMBER])),
    "oasst_messages.jsonl": ("oasst-messages", oasst([NUMBER, NOTHING])),
    "orca.jsonl": (
        "orca",
        [
            Group("Name a bean.", ["Lima.", "Pea."], [Comparison(0, 1)], sources=["chatgpt", "llama2-13b-chat"]),
            Group(
                [("system", "You are brief."), ("user", "Name a pea.")],
                ["Chickpea.", "Well, a bean."],
                [Comparison(0, 1)],
                sources=["chatgpt", "llama2-13b-chat"],
            ),
        ],
    ),
    "orca_pairs.jsonl": (
        "alpaca",
        [Group([("system", "You are brief."), ("user", "Name a bean.")], ["Lima.", "Pea."], [Comparison(0, 1)])],
    ),
    "alpaca_pairs.json": (
        "alpaca",
        [
            Group("Translate.\n\nBrot", ["Bread", "Broth"], [Comparison(0, 1)], sources=["tall", "small"]),
            Group(said("Hello?", "Hi.", "Again."), ["Bread", "Bred"], [Comparison(0, 1)]),
        ],
    ),
    "distilabel_orca.jsonl": (
        "alpaca",
        [
            Group(
                "Name a root.",
                ["Carrot.", "Leaf."],
                [Comparison(0, 1, meta={"order": ["chosen", "rejected"], "status": "unchanged", "chosen_score": 9.0})],
            )
        ],
    ),
    "alpaca_outputs.json": ("alpaca-outputs", [Group("Name a leaf.", ["Basil.", "Stone."], [Comparison(0, 1)])]),
    "sharegpt.json": (
        "sharegpt",
        [
            Group(
                [
                    ("system", "Use tools."),
                    ("user", "Weather in Rome?"),
                    ("assistant", '<tool_call>{"name": "weather"}</tool_call>'),
                    ("tool", "sunny"),
                    ("user", "So?"),
                ],
                ["Sunny.", "Rain."],
                [Comparison(0, 1, meta={"tools": "[]"})],
            )
        ],
    ),
    "kto.jsonl": (
        "kto",
        [Group("Name a hat.", ["Fez.", "Sock."], (), [Rating(0, 1), Rating(1, 0)], scale=[0, 1])],
    ),
    "kto_conversational.jsonl": ("kto", [Group(user("Name a shoe."), ["Clog."], (), [Rating(0, 1)], scale=[0, 1])]),
    "kto_alpaca.json": ("kto-tags", [Group("Name a coat.", ["Parka."], (), [Rating(0, 1)], scale=[0, 1])]),
    "kto_messages.json": ("kto-tags", [Group(user("Name a belt."), ["Sash."], (), [Rating(0, 0)], scale=[0, 1])]),
    "judgebench.jsonl": (
        "judgebench",
        [
            Group(
                "2 + 2?",
                ["5", "4"],
                [Comparison(1, 0)],
                domain="mmlu-pro-physics",
                id="81ec",
                sources=["tall", "tall"],
                meta={"original_id": "10646"},
            )
        ],
    ),
    "llmbar.json": ("llmbar", [Group("Write one word.", ["Two words", "Word"], [Comparison(1, 0)])]),
    "lewidi_2023_brexit.json": (
        "lewidi",
        [
            Group(
                "Leave, they said.",
                ["hate speech detection"],
                (),
                [Rating(0, 0, "Ann1"), Rating(0, 1, "Ann2"), Rating(0, 0, "Ann3")],
                id="7",
                scale=[0, 1],
                meta={
                    "annotation task": "hate speech detection",
                    "number of annotations": 3,
                    "lang": "en",
                    "hard_label": "0",
                    "split": "train",
                    "other_info": {
                        "other annotations": {
                            "aggressive language detection": "0,1,1",
                            "offensive language detection": "0,0,1",
                        }
                    },
                },
            )
        ],
    ),
    "trl_tools.jsonl": (
        "trl",
        [
            Group(
                user("Weather in Rome?"),
                [
                    '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>\n\nTool: sunny\n\n'
                    "Assistant: Sunny.",
                    "No idea.",
                ],
                [
                    Comparison(
                        0,
                        1,
                        meta={
                            "tools": [{"type": "function", "function": {"name": "weather"}}],
                            "chosen_messages": [
                                {
                                    "role": "assistant",
                                    "content": None,
                                    "tool_calls": [
                                        {
                                            "type": "function",
                                            "function": {"name": "weather", "arguments": {"city": "Rome"}},
                                        }
                                    ],
                                },
                                {"role": "tool", "name": "weather", "content": "sunny"},
                                {"role": "assistant", "content": "Sunny."},
                            ],
                        },
                    )
                ],
                sources=["tall", "small"],
            )
        ],
    ),
    "votes_wsdm.jsonl": (
        "votes",
        [
            Group(
                "Name a dance.",
                ["Waltz.", "Chair.", "Jig.", "Reel."],
                [
                    Comparison(0, 1, 1.0, meta={"id": "z1", "language": "English"}),
                    Comparison(2, 3, 0.0, meta={"id": "z2"}),
                ],
                sources=["tall", "small", None, None],
            )
        ],
    ),
}
