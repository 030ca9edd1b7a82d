"""What the commands share: tables as they are meant, and models loaded as they are asked for."""

from __future__ import annotations

import pytest

from polypref.cli.common import print_table


def test_brackets_in_tables_are_text(capsys):
    print_table([("[red]a", "0.5 [0.4–0.6]")], header=("model [/x]", "accuracy [bold]"), title="Differences from [b]")
    shown = capsys.readouterr().out
    for text in ("[red]a", "[0.4–0.6]", "model [/x]", "accuracy [bold]", "Differences from [b]"):
        assert text in shown


def test_a_table_in_a_pipe_is_as_wide_as_it_needs(capsys):
    cells = ["a-long-name-without-a-space-" * 3, "0.123 [0.10–0.15]", "0.456 [0.40–0.50]"]
    print_table([cells], header=("model", "accuracy [95 %]", "error"))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "0.123" in line]
    assert line.split() == " ".join(cells).split()


@pytest.mark.parametrize("command", ["score", "rank", "eval", "report"])
def test_an_encoder_offers_no_token_to_choose(polypref, saved, data, tmp_path, command):
    out = {"score": ("--out", tmp_path / "scored.jsonl"), "report": ("--out", tmp_path / "report.html")}
    run = polypref(command, saved("general"), "--data", data, "--state-token", "last", *out.get(command, ()))
    assert run.status == 2
    assert "state_token is 'last', yet BertForSequenceClassification reads no single last token" in run.err
