"""A model of several logits as a plain reward model of one, for tools that read no more; says what is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.backbones import state_layer
from polypref.models.encoder import StateEncoder
from polypref.models.heads import Head, plain_head
from polypref.models.lora import merged

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel

_CLOSE = 1e-6  # of a linear map to the reward it stands for, relative to the rewards
_PROBES = 64  # random states on which a reward is seen to be linear, or not


@dataclass(frozen=True)
class Export:
    """A reward model with one logit, and how much it says of what the model says that it was made of."""

    model: PreferenceModel  # of a scalar head
    exact: bool  # whether its logit is the reward, up to a constant
    agreement: float | None  # share of pairs of the baseline's responses in the same order, where it is not exact


def export_reward(model: PreferenceModel, path: str | Path, baseline: Iterable[Group] = ()) -> Export:
    """Save a plain `ForSequenceClassification` folder with one logit: the reward of a response.

    The reward is the utility of heads that have one, and for others the mean log-odds against the responses of
    `baseline`, whatever their prompt. Where that is a linear map of the state, the logit is it, up to a constant; where
    it is not, the logit is the linear map that fits it best on the baseline's responses.
    """
    made = one_logit(model, baseline)
    record = {"made_of": f"a {model.head.name} head", "exact": made.exact}
    if made.agreement is not None:
        record["order_of_pairs_kept"] = round(made.agreement, 4)
    made.model.save_pretrained(path, record)
    return made


def one_logit(model: PreferenceModel, baseline: Iterable[Group] = ()) -> Export:
    """The model that `export_reward` saves."""
    head = model.head
    if head.joint or head.added:
        why = "reads two responses together" if head.joint else f"has {head.added}, which a plain checkpoint lacks,"
        raise PolyprefError(f"a {head.name} head that {why} cannot become one logit; train a scalar head instead")
    states = [answer.rows.cpu().double() for _, answer in model.encode(baseline)]
    known = torch.cat(states) if states else torch.zeros(0, head.state_width, dtype=torch.float64)
    has_utility = "utilities" in head.says
    if not len(known) and not has_utility:
        raise PolyprefError(
            f"a {head.name} head has no utility of a single response: give baseline responses to compare with"
        )
    weights, constant = _linear(head, known)
    exact = _is_exact(head, known, weights, constant)
    if not exact:
        if not len(known):
            raise PolyprefError(
                f"the utility of a {head.name} head is no linear map of its logits: give baseline responses, on which "
                "the nearest one is fitted"
            )
        weights, constant = _fitted(known, reward(head, known, known))
    agreement = None if exact else _agreement(head, states, known, weights)
    return Export(_with_one_logit(model, weights, constant), exact, agreement)


def reward(head: Head, states: Tensor, baseline: Tensor) -> Tensor:
    """What one logit should say: `[n, state_width]` and the baseline's states `[m, state_width]` → `[n]`."""
    if "utilities" in head.says:
        return head.utilities(states)
    return head.log_odds(states[:, None], baseline).mean(-1)


def _linear(head: Head, baseline: Tensor) -> tuple[Tensor, Tensor]:
    """The reward as a linear map, from its values at 0 and on the axes; right only where it is one."""
    width = head.state_width
    values = reward(head, torch.cat([torch.zeros(1, width), torch.eye(width)]).double(), baseline)
    return values[1:] - values[0], values[0]


def _is_exact(head: Head, baseline: Tensor, weights: Tensor, constant: Tensor) -> bool:
    probes = torch.randn(_PROBES, head.state_width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = reward(head, 3 * probes, baseline)
    missed = (3 * probes @ weights + constant - wanted).abs().max()
    return bool(missed <= _CLOSE * wanted.abs().max())


def _fitted(states: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares with a constant; of several solutions the shortest."""
    mean = states.mean(0)
    weights = torch.linalg.lstsq(states - mean, (wanted - wanted.mean())[:, None], driver="gelsd").solution[:, 0]
    return weights, wanted.mean() - mean @ weights


def _agreement(head: Head, groups: list[Tensor], baseline: Tensor, weights: Tensor) -> float | None:
    """Share of the pairs within the groups that reward and logit put in the same order."""
    kept = pairs = 0
    for states in groups:
        order = torch.triu_indices(len(states), len(states), 1)
        wanted, found = reward(head, states, baseline), states @ weights
        signs = [(values[order[0]] - values[order[1]]).sign() for values in (wanted, found)]
        kept, pairs = kept + int((signs[0] == signs[1]).sum()), pairs + order.shape[1]
    return kept / pairs if pairs else None


def _with_one_logit(model: PreferenceModel, weights: Tensor, constant: Tensor) -> PreferenceModel:
    """The model with another state layer, under a scalar head; it shares the other weights."""
    from polypref.models.preference_model import PreferenceModel

    old = merged(model.encoder.classifier)
    classifier: Any = copy.deepcopy(old, {id(parameter): parameter for parameter in old.parameters()})
    layer, before = state_layer(classifier), state_layer(old)
    w = weights.to(before.weight.device, torch.float64)
    with torch.no_grad():
        layer.weight = nn.Parameter((w @ before.weight.double())[None].to(before.weight), requires_grad=False)
        if before.bias is not None:
            layer.bias = nn.Parameter((w @ before.bias.double() + constant.to(w))[None].to(before.bias), False)
    layer.out_features = classifier.config.num_labels = classifier.num_labels = 1
    head = plain_head()
    encoder = StateEncoder(classifier, head, model.encoder.pad, model.encoder.segments)
    encoder.reads_alone, encoder.shares_prompts = model.encoder.reads_alone, model.encoder.shares_prompts
    encoder.eval()
    made = PreferenceModel(encoder, head, model.inputs)
    made.dropout_rates, made.base = model.dropout_rates, model.base
    return made
