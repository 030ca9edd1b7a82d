"""Prompts and responses in plain English, composed so that every attribute of a response is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import TypeVar

from polypref.groups.simulate import phrases
from polypref.groups.simulate.topics import Topic, topics

Draw = Callable[[], float]  # the next uniform number from [0, 1)
Bank = tuple[tuple[str, ...], ...]  # templates, each as all its wordings
T = TypeVar("T")

# What a response can be like: attribute → (low level, high level). Utilities count the two as −1 and +1.
ATTRIBUTES: dict[str, tuple[str, str]] = {
    "length": ("short", "long"),
    "formality": ("casual", "formal"),
    "structure": ("prose", "steps"),
    "warmth": ("cool", "warm"),
    "caution": ("bold", "careful"),
    "fit": ("off-topic", "on-topic"),
}
STYLES = tuple(phrases.STYLES)

MARKERS = (
    ("1. ", "2. ", "3. ", "4. ", "5. "),
    ("1) ", "2) ", "3) ", "4) ", "5) "),
    ("(1) ", "(2) ", "(3) ", "(4) ", "(5) "),
    ("Step 1: ", "Step 2: ", "Step 3: ", "Step 4: ", "Step 5: "),
    ("Step one: ", "Step two: ", "Step three: ", "Step four: ", "Step five: "),
    ("First: ", "Second: ", "Third: ", "Fourth: ", "Fifth: "),
    ("To begin: ", "Next: ", "Then: ", "Thereafter: ", "Finally: "),
    ("a) ", "b) ", "c) ", "d) ", "e) "),
    ("A. ", "B. ", "C. ", "D. ", "E. "),
    ("- ",) * 5,
    ("* ",) * 5,
    ("• ",) * 5,
    ("– ",) * 5,
)

CONTRACTIONS = {
    "I am": "I'm",
    "I would": "I'd",
    "I will": "I'll",
    "you are": "you're",
    "you will": "you'll",
    "we are": "we're",
    "we will": "we'll",
    "it is": "it's",
    "that is": "that's",
    "there is": "there's",
    "do not": "don't",
    "does not": "doesn't",
    "cannot": "can't",
}


def write_prompt(draw: Draw, topic: Topic) -> str:
    """A question about `topic`: half the time a goal, half the time a trouble, often with a circumstance."""
    slots = {"t": topic.title, "g": pick(draw, topic.goals), "q": pick(draw, topic.troubles)}
    forms = phrases.GOAL_PROMPTS if draw() < 0.5 else phrases.TROUBLE_PROMPTS
    text = sentence(pick_wording(draw, wordings(forms)).format_map(slots))
    if draw() < 0.6:
        aside = sentence(pick_wording(draw, wordings(phrases.CIRCUMSTANCES)))
        text = f"{aside} {text}" if draw() < 0.5 else f"{text} {aside}"
    return text


def write_response(draw: Draw, topic: Topic, levels: Mapping[str, str]) -> str:
    """A response to a prompt about `topic` with the given level of every attribute.

    The number of sentences depends on the length alone: where one level of another attribute has a sentence of its own,
    so has the other level. An off-topic response may greet the topic, and then speaks of another one.
    """
    long, warm = levels["length"] == "long", levels["warmth"] == "warm"
    opening = long or draw() < 0.6  # a short response has either an opening or a closing
    subject = topic if levels["fit"] == "on-topic" else other_topic(draw, topic)
    said = wordings if levels["formality"] == "formal" or draw() < 0.5 else contracted  # "it's" for "it is"
    slots = {"t": subject.title, "x": pick(draw, subject.things), "s": pick(draw, subject.signs)}

    before = []
    if opening:
        text = pick_wording(draw, said(phrases.WARM_OPENINGS if warm else phrases.COOL_OPENINGS))
        text = text.format(t=topic.title, x=pick(draw, topic.things))
        before.append(sentence(text + "!" if warm and draw() < 0.3 else text))
    before.append(_lead(draw, slots, levels, named=not opening or draw() < 0.3, said=said))

    advice = _advice(draw, subject, levels, said)

    after = [sentence(pick_wording(draw, said(phrases.SIGNS)).format_map(slots))] if long else []
    outlook = said(phrases.CAREFUL_SENTENCES if levels["caution"] == "careful" else phrases.BOLD_SENTENCES)
    risks = sample(draw, len(subject.risks), 2 if long else 1)
    for risk, worded in zip(risks, several(draw, outlook, len(risks)), strict=True):
        after.append(sentence(pick(draw, worded).format(r=subject.risks[risk])))
    if long or not opening:
        text = pick_wording(draw, said(phrases.WARM_CLOSINGS if warm else phrases.COOL_CLOSINGS)).format_map(slots)
        after.append(sentence(text + "!" if warm and draw() < 0.3 else text))

    return (_list if levels["structure"] == "steps" else _paragraphs)(draw, before, advice, after)


def _lead(
    draw: Draw, slots: Mapping[str, str], levels: Mapping[str, str], named: bool, said: Callable[..., Bank]
) -> str:
    """The sentence before the advice. An off-topic response names its topic here; another may say "this"."""
    on_topic = levels["fit"] == "on-topic"
    bank = said(phrases.STEPS_LEADS if levels["structure"] == "steps" else phrases.PROSE_LEADS)
    title = slots["t"] if named or not on_topic else "this"
    text = pick_wording(draw, bank).format(t=title, x=slots["x"])
    if draw() < 0.6:
        bridges = phrases.ON_TOPIC_BRIDGES if on_topic else phrases.OFF_TOPIC_BRIDGES
        text = f"{pick_wording(draw, wordings(bridges))}, {text}"
    return sentence(text)


def _advice(draw: Draw, subject: Topic, levels: Mapping[str, str], said: Callable[..., Bank]) -> list[str]:
    """Three or five actions, most in formal or casual words; the others are bare in a list and linked in prose."""
    long, steps = levels["length"] == "long", levels["structure"] == "steps"
    actions = [subject.actions[k] for k in sorted(sample(draw, len(subject.actions), 5 if long else 3))]
    bare = sample(draw, len(actions) - 1, 2 if long else 1)  # never the first action
    frames = several(draw, said(phrases.FORMAL_FRAMES if levels["formality"] == "formal" else phrases.CASUAL_FRAMES), 3)
    links = [("{a}",)] * 2 if steps else several(draw, wordings(phrases.CONNECTIVES), 2)
    texts = []
    for k, action in enumerate(actions):
        worded = links.pop() if k - 1 in bare else frames.pop()
        texts.append(sentence(pick(draw, worded).format(a=action)))
    return texts


def write_in_style(draw: Draw, topic: Topic, actions: Sequence[str], style: str) -> str:
    """The same advice in one of three manners: a storyteller's, an expert's or a coach's."""
    openings, frames, closings = phrases.STYLES[style]
    slots = {"t": topic.title, "x": pick(draw, topic.things), "s": pick(draw, topic.signs)}
    texts = [pick_wording(draw, wordings(openings)).format_map(slots)]
    for action, worded in zip(actions, several(draw, wordings(frames), len(actions)), strict=True):
        texts.append(pick(draw, worded).format(a=action, A=action[0].upper() + action[1:]))
    texts.append(pick_wording(draw, wordings(phrases.SIGNS)).format_map(slots))
    texts.append(pick_wording(draw, wordings(closings)).format_map(slots))
    return " ".join(map(sentence, texts))


def write_short(draw: Draw, topic: Topic, style: str) -> str:
    """One short sentence in one of the three manners."""
    return sentence(pick_wording(draw, wordings(phrases.SHORT_STYLES[style])).format(x=pick(draw, topic.things)))


def short_style(text: str) -> str | None:
    """The manner of a short sentence, by the words it begins with; None where these are of none."""
    words = text.strip().lower()
    return next((style for style, openings in _openings().items() if words.startswith(openings)), None)


@cache
def _openings() -> dict[str, tuple[str, ...]]:
    """The first words of every wording of each manner."""
    return {
        style: tuple({text.split(" {x}")[0].lower() for texts in wordings(templates) for text in texts})
        for style, templates in phrases.SHORT_STYLES.items()
    }


def _list(draw: Draw, before: list[str], items: list[str], after: list[str]) -> str:
    markers = pick(draw, MARKERS)
    inline = markers[0][0] in "(STFa" and draw() < 0.7  # "First: … Second: …" may run on; a bullet needs its line
    gap = " " if inline else "\n"
    marked = [mark + item for mark, item in zip(markers, items, strict=False)]
    return gap.join([" ".join(before), *marked, " ".join(after)])


def _paragraphs(draw: Draw, before: list[str], items: list[str], after: list[str]) -> str:
    where = draw()
    first = "\n" if where < 0.4 else " "
    second = "\n" if 0.3 < where < 0.6 else " "
    return " ".join(before) + first + " ".join(items) + second + " ".join(after)


def sentence(text: str) -> str:
    """`text` with a capital at the start and a full stop at the end, unless it ends otherwise."""
    return text[0].upper() + text[1:] + ("" if text[-1] in '.!?:"' else ".")


def other_topic(draw: Draw, topic: Topic) -> Topic:
    """A topic that is not `topic`."""
    others = topics()
    other = pick(draw, others)
    while other is topic:
        other = pick(draw, others)
    return other


def pick(draw: Draw, items: Sequence[T]) -> T:
    """One of `items`, all equally likely."""
    return items[int(draw() * len(items))]


def pick_wording(draw: Draw, bank: Bank) -> str:
    """One wording of one template, all templates equally likely."""
    return pick(draw, pick(draw, bank))


def several(draw: Draw, bank: Bank, size: int) -> list[tuple[str, ...]]:
    """`size` distinct templates, each as all its wordings."""
    return [bank[k] for k in sample(draw, len(bank), size)]


def sample(draw: Draw, n: int, size: int) -> list[int]:
    """`size` distinct numbers below `n` in random order (Fisher–Yates on a list that is never written out)."""
    moved: dict[int, int] = {}
    chosen = []
    for k in range(size):
        other = k + int(draw() * (n - k))
        chosen.append(moved.get(other, other))
        moved[other] = moved.get(k, k)
    return chosen


@cache
def wordings(templates: tuple[str, ...]) -> Bank:
    """Every wording of every template."""
    return tuple(_expand(template) for template in templates)


@cache
def contracted(templates: tuple[str, ...]) -> Bank:
    """The same with "it's" for "it is" and so on."""
    long = re.compile(rf"\b({'|'.join(CONTRACTIONS)})\b")

    def shortened(text: str) -> str:
        return long.sub(lambda match: CONTRACTIONS[match.group()], text)

    return tuple(tuple(map(shortened, texts)) for texts in wordings(templates))


def _expand(template: str) -> tuple[str, ...]:
    parts = [part.split("|") for part in re.split(r"[\[\]]", template)]  # odd parts stood in brackets
    return tuple("".join(chosen) for chosen in product(*parts))
