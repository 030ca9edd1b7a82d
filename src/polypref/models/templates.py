"""What is looked at in a stranger's chat template before it is rendered.

Jinja's sandbox keeps a template from Python's insides and bounds `range` at 100,000, and no more: one line can still
ask for 10^10 characters or steps. Rendering cannot be interrupted, so what grows without bound is refused by its
form: powers, large numbers, products of text, products with large numbers, and loops over ranges in each other. This
is a practical guard and no proof: set, macro and namespace leave other ways to be slow.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes

from polypref.models.embedded import BackboneError

LARGEST_NUMBER = 10**8  # in a template; dates such as 20250101 are smaller
LARGEST_FACTOR = 1000  # of a product, such as a token repeated


def check_template(template: Any) -> None:
    """Refuse a template that cannot be read, or asks for more than any conversation needs."""
    if not isinstance(template, (str, dict)):
        raise BackboneError(f"the chat template of the backbone is a {type(template).__name__}, no text; mend it")
    for text in template.values() if isinstance(template, dict) else [template]:
        reason = _excess(text)
        if reason:
            raise BackboneError(f"the chat template of the backbone {reason}; mend chat_template in the model's folder")


@lru_cache
def _excess(template: str) -> str | None:
    """What is wrong with a template, if anything."""
    from transformers.utils.chat_template_utils import _compile_jinja_template

    try:
        # parsed by the environment of another: to compile a template is to compute its constants, however large
        tree: nodes.Template = _compile_jinja_template("").environment.parse(template)
        return _of_tree(tree)
    except (RecursionError, MemoryError):
        return "is nested too deeply"
    except jinja2.TemplateError as error:
        return f"cannot be read ({str(error)[:150]!r})"
    except Exception as error:  # of Python's compiler, which jinja hands its code
        return f"cannot be read ({type(error).__name__})"


def _of_tree(tree: nodes.Template) -> str | None:
    if any(True for _ in tree.find_all(nodes.Pow)):
        return "computes a power"
    for number in tree.find_all(nodes.Const):
        if isinstance(number.value, (int, float)) and abs(number.value) > LARGEST_NUMBER:
            return f"holds a number above {LARGEST_NUMBER:,}"
    for product in tree.find_all(nodes.Mul):
        factors = [side.value for side in (product.left, product.right) if isinstance(side, nodes.Const)]
        if any(isinstance(factor, (int, float)) and abs(factor) > LARGEST_FACTOR for factor in factors):
            return f"multiplies by more than {LARGEST_FACTOR:,}"
        if any(True for _ in product.find_all(nodes.Mul)) and any(
            isinstance(c.value, str) for c in product.find_all(nodes.Const)
        ):
            return "multiplies text by a product"
    for loop in tree.find_all(nodes.For):
        if _is_range(loop.iter) and any(_is_range(inner.iter) for part in loop.body for inner in _loops(part)):
            return "loops over a range within a loop over a range"
    return None


def _loops(part: nodes.Node) -> list[nodes.For]:
    return [*([part] if isinstance(part, nodes.For) else []), *part.find_all(nodes.For)]


def _is_range(node: nodes.Node) -> bool:
    calls = [*([node] if isinstance(node, nodes.Call) else []), *node.find_all(nodes.Call)]
    return any(isinstance(call.node, nodes.Name) and call.node.name == "range" for call in calls)
