"""A new checkpoint is taken in while requests go on, and one that cannot be served is not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.models.loading import Loading
from polypref.serving.batching import Question
from polypref.serving.hosting import Host
from polypref.serving.reloading import Reloader

GROUP = Group("Which?", ("this", "that"))


@pytest.fixture
def folder(model: Callable[..., PreferenceModel], tmp_path: Path) -> Path:
    model("bert").save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    host = Host.load([f"mine={folder}"], Loading(device="cpu"))
    yield host
    host.close()


def test_a_new_checkpoint_is_taken_in_once_it_stays_the_same(
    model: Callable[..., PreferenceModel], folder: Path, host: Host
) -> None:
    said: list[str] = []
    reloader = Reloader(host, Loading(device="cpu"), said.append)
    assert reloader.look() == []
    wrong: list[BaseException] = []
    going = threading.Event()

    def ask() -> None:
        try:
            while not going.is_set():
                host["mine"].batcher.submit(Question(GROUP)).result(30)
        except BaseException as error:
            wrong.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    new = model("bert", seed=9)
    new.save_pretrained(folder)
    assert reloader.look() == [], "it may be half written"
    assert reloader.look() == ["mine"]
    going.set()
    asking.join()
    assert not wrong, "no request is lost"
    after = host["mine"].batcher.submit(Question(GROUP)).result(30)
    np.testing.assert_allclose(after.utilities, new.utilities(GROUP), atol=1e-5)
    assert reloader.look() == []
    assert len(said) == 1


def test_what_cannot_be_served_is_told_and_left(
    model: Callable[..., PreferenceModel], folder: Path, host: Host
) -> None:
    said: list[str] = []
    reloader = Reloader(host, Loading(device="cpu"), said.append)
    before = host["mine"].batcher.submit(Question(GROUP)).result(30).utilities
    (folder / "config.json").write_text("{}")
    reloader.look()
    assert reloader.look() == []
    assert "stays as it was" in said[0]
    np.testing.assert_array_equal(host["mine"].batcher.submit(Question(GROUP)).result(30).utilities, before)

    model("bert", "general", dim=4).save_pretrained(folder)
    reloader.look()
    assert reloader.look() == []
    assert "general head" in said[1]
