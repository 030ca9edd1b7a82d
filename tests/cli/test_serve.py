"""`polypref serve` and `polypref token`: what is refused, and one service that is started and asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.conftest import Run

pytest.importorskip("uvicorn", reason="services are run by uvicorn")
SERVE = [sys.executable, "-c", "from polypref.cli import main; main()", "serve"]


def test_other_machines_need_tokens(polypref: Callable[..., Run], saved: Callable[..., Path], tmp_path: Path) -> None:
    folder = saved("scalar")
    open_to_all = polypref("serve", folder, "--host", "0.0.0.0")
    assert open_to_all.status == 2
    assert "--token-file" in open_to_all.err
    missing = polypref("serve", folder, "--token-file", tmp_path / "none.jsonl")
    assert missing.status == 2
    (tmp_path / "empty.jsonl").touch()
    empty = polypref("serve", folder, "--token-file", tmp_path / "empty.jsonl")
    assert empty.status == 2
    assert "polypref token make" in empty.err


def test_rewards_that_a_head_cannot_give(polypref: Callable[..., Run], saved: Callable[..., Path]) -> None:
    refused = polypref("serve", saved("general"), "--cohort", 4, "--reward", "tail")
    assert refused.status == 2
    assert "how a crowd is divided" in refused.err


def test_tokens_by_command(polypref: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "tokens.jsonl"
    made = json.loads(polypref("token", "make", file, "--name", "trainer", "--scope", "score", "--json").out)
    assert made["token"].startswith(f"pp_{made['id']}_")
    assert polypref("token", "revoke", file, made["id"]).status == 0
    listed = json.loads(polypref("token", "list", file, "--json").out)["tokens"]
    assert listed == [{"id": made["id"], "name": "trainer", "scopes": ["score"], "state": "the token was revoked"}]
    assert polypref("token", "revoke", file, "other").status == 2
    assert polypref("token", "make", file, "--name", "x", "--scope", "all").status == 2


@pytest.mark.slow
def test_a_service_that_is_started_answers_and_ends(saved: Callable[..., Path]) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*SERVE, f"mine={saved('scalar')}", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            place = re.search(r"serving mine at (http://\S+)", process.stderr.readline())
            assert place is not None
            body = {"groups": [{"prompt": "Tea?", "responses": ["yes", "no"]}]}
            answer = httpx.post(f"{place[1]}/v1/score", json=body, timeout=60)
            assert answer.status_code == 200
            assert len(answer.json()["results"][0]["utilities"]) == 2
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
