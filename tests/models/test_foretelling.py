"""How likely responses are: by hand, as a distribution over all of them, and in chunks of which no logits are kept."""

from __future__ import annotations

from itertools import product
from math import log

import pytest
import torch

from polypref.models import foretelling
from polypref.models.foretelling import of_responses, of_tokens, summed
from polypref.models.packing import Foretold

STATES = torch.tensor([[0.5, -1.0], [1.5, 0.0], [-0.5, 2.0]])  # what a model knows after each of three tokens
LAYER = torch.tensor([[1.0, -1.0], [0.5, 2.0], [0.0, 0.3]])  # what it makes logits with, `[vocabulary, hidden]`


def foretold(inputs, alike, tokens, before):
    return Foretold(*(torch.tensor(values) for values in (inputs, alike, tokens, before)))


def all_responses():
    """Each of the nine responses of two tokens in a row of its own behind token 0, and their hidden states."""
    responses = list(product(range(3), repeat=2))
    hidden = STATES[torch.tensor([[0, *response] for response in responses])]  # [9, 3, 2]
    rows = range(len(responses))
    return hidden, foretold(
        inputs=[row for row in rows for _ in range(2)],
        alike=list(rows),
        tokens=[token for response in responses for token in response],
        before=[(row, at) for row in rows for at in range(2)],
    )


def test_a_token_by_hand():
    """Odds of 1 : 3, and of 1 : 1 : 2."""
    logits = torch.tensor([[0.0, log(3), -1e9], [0.0, 0.0, log(2)]])
    torch.testing.assert_close(of_tokens(logits, torch.tensor([1, 0])), torch.tensor([log(3 / 4), log(1 / 4)]))
    assert of_tokens(logits.bfloat16(), torch.tensor([1, 0])).dtype == torch.float32


def test_a_response_is_the_sum_of_its_tokens():
    """Of four members the third is the first again, and nothing is foretold of the last."""
    found = summed(torch.tensor([-1.0, -2.0, -4.0]), foretold([0, 0, 1], [0, 1, 0, 2], [7, 8, 9], [(0, 0)] * 3))
    assert found.total.tolist() == [-3.0, -4.0, -3.0, 0.0]
    assert found.tokens.tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize("most", [1 << 24, 12, 1])
def test_all_responses_together_have_probability_one(monkeypatch, most):
    monkeypatch.setattr(foretelling, "_LOGITS", most)
    hidden, which = all_responses()
    found = of_responses(hidden, which, lambda states: states @ LAYER.T, len(LAYER))
    assert found.tokens.tolist() == [2] * 9
    assert float(found.total.exp().sum()) == pytest.approx(1, abs=1e-6)
    first, second = (STATES @ LAYER.T).log_softmax(-1)[0], (STATES @ LAYER.T).log_softmax(-1)
    expected = [float(first[a] + second[a, b]) for a, b in product(range(3), repeat=2)]
    assert found.total.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("most", "chunks"), [(1 << 24, [18]), (12, [4, 4, 4, 4, 2]), (1, [1] * 18)])
def test_logits_are_made_a_few_at_a_time_and_again_for_gradients(monkeypatch, most, chunks):
    monkeypatch.setattr(foretelling, "_LOGITS", most)
    hidden, which = all_responses()
    hidden.requires_grad_()
    asked = []

    def logits(states):
        asked.append(len(states))
        return states @ LAYER.T

    total = of_responses(hidden, which, logits, len(LAYER)).total
    assert asked == chunks
    (total * torch.arange(9.0)).sum().backward()
    assert sorted(asked) == sorted(chunks * 2)
    plain = hidden.detach().requires_grad_()
    log_p = (plain @ LAYER.T).log_softmax(-1)[which.before[:, 0], which.before[:, 1]]
    spoken = log_p[torch.arange(18), which.tokens].reshape(9, 2).sum(1)
    (spoken * torch.arange(9.0)).sum().backward()
    torch.testing.assert_close(hidden.grad, plain.grad)
