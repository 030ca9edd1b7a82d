"""Folders of customised models: every domain has a name and a place of its own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.test_domains import refused

from polypref.models.customized import RESERVED, domain_folder, domain_names

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_every_name_of_a_domain_has_a_folder_of_its_own(tmp_path_factory, name):
    if name in RESERVED:
        return
    out = Path("out")
    if len(quote(name)) > 200:
        name = name[:16]  # of at most twelve characters each
    folder = domain_folder(out, name)
    assert folder.parent == out / "domains"
    assert folder.name not in (".", "..")
    folder.name.encode("ascii")
    root = tmp_path_factory.mktemp("names", numbered=True)
    made = domain_folder(root, name)
    made.mkdir(parents=True)
    (made / "config.json").touch()
    assert domain_names(root) == [name]


def test_a_name_too_long_for_a_folder_is_refused():
    refused(lambda: domain_folder("out", "界" * 30), "too long a name for a folder: 270 characters", "and 200 fit")
