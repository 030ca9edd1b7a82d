"""Chat templates of ours, for tokenizers that bring none: other tools then read a conversation as polypref does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# the plain format, for decoders: `Role: content`, turns a blank line apart
PLAIN_TEMPLATE = (
    "{{ bos_token if bos_token else '' }}"
    "{% for message in messages %}{% if not loop.first %}{{ '\n\n' }}{% endif %}"
    "{{ message['role'].capitalize() + ': ' + message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n\nAssistant: ' }}{% else %}{{ eos_token if eos_token else '' }}{% endif %}"
)

# two segments, for encoders: a prompt that is one turn of the user stands by itself, others as in the plain format
_SEGMENTS = (
    "{% set turns = messages if add_generation_prompt else messages[:-1] %}{{ BEFORE }}"
    "{% if turns | length == 1 and turns[0]['role'] == 'user' %}{{ turns[0]['content'] }}{% else %}"
    "{% for turn in turns %}{% if not loop.first %}{{ '\n\n' }}{% endif %}"
    "{{ turn['role'].capitalize() + ': ' + turn['content'] }}{% endfor %}{% endif %}{{ BETWEEN }}"
    "{% if not add_generation_prompt %}{{ messages[-1]['content'] + AFTER }}{% endif %}"
)


def segment_template(tokenizer: Any, before: Sequence[int], between: Sequence[int], after: Sequence[int]) -> str:
    """The template of two segments that special tokens frame."""
    template = _SEGMENTS
    for name, ids in (("BEFORE", before), ("BETWEEN", between), ("AFTER", after)):
        text = "".join(tokenizer.convert_ids_to_tokens(list(ids)))
        template = template.replace(name, json.dumps(text, ensure_ascii=False))
    return template
