"""Models go to the hub as folders, cards that people wrote there stay, and what fails is one sentence."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from tests.models.test_saving import GROUPS
from tests.tolerance import near

from polypref.errors import PolyprefError
from polypref.models.preference_model import PreferenceModel
from polypref.models.publishing import push_to_hub


class FakeHub:
    """Repositories as folders; what is called is remembered."""

    def __init__(self, root, error=None):
        self.root, self.error, self.made = root, error, []

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        if self.error is not None:
            raise self.error
        self.made.append((repo_id, private))
        (self.root / repo_id).mkdir(parents=True, exist_ok=True)
        return f"https://hub/{repo_id}"

    def file_exists(self, repo_id, filename, *, revision):
        return (self.root / repo_id / filename).exists()

    def hf_hub_download(self, repo_id, filename, *, revision, local_dir):
        Path(local_dir).mkdir(parents=True)
        (Path(local_dir) / filename).write_text((self.root / repo_id / filename).read_text())

    def upload_folder(self, *, repo_id, folder_path, revision, commit_message, ignore_patterns):
        self.message = commit_message
        for path in Path(folder_path).iterdir():
            (self.root / repo_id / path.name).write_bytes(path.read_bytes())


def test_what_is_pushed_is_the_saved_folder(built, tmp_path):
    hub, model = FakeHub(tmp_path), built("llama", "general")
    assert push_to_hub(model, "me/model", private=True, message="First", api=hub) == "https://hub/me/model"
    assert hub.made == [("me/model", True)]
    assert hub.message == "First"
    model.save_pretrained(tmp_path / "saved")
    pushed, saved = ({path.name for path in (tmp_path / name).iterdir()} for name in ("me/model", "saved"))
    assert pushed == saved
    again = PreferenceModel.from_pretrained(tmp_path / "me" / "model")
    near(again.preferences(GROUPS[0]), model.preferences(GROUPS[0]))


def test_a_card_that_a_person_wrote_on_the_hub_stays(built, tmp_path):
    hub = FakeHub(tmp_path)
    card = tmp_path / "me" / "model" / "README.md"
    push_to_hub(built("llama", "scalar"), "me/model", api=hub)
    push_to_hub(built("llama", "general"), "me/model", api=hub)
    assert "# A general" in card.read_text()
    card.write_text("# Mine\n")
    push_to_hub(built("llama", "scalar"), "me/model", api=hub)
    assert card.read_text() == "# Mine\n"


def refused(status):
    module = importlib.import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])  # that of its transport
    response = module.Response(status, request=module.Request("POST", "https://hub"))
    return HfHubHTTPError("no", response=response)


def unreachable():
    module = importlib.import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
    return module.ConnectError("no route")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OfflineModeIsEnabled("offline"), "HF_HUB_OFFLINE is set"),
        (LocalTokenNotFoundError("none"), "nobody is logged in; run hf auth login"),
        (refused(401), "nobody is logged in"),
        (refused(403), "may not write there"),
        (unreachable(), "the hub cannot be reached"),
    ],
)
def test_what_fails_is_one_sentence(built, tmp_path, error, sentence):
    with pytest.raises(PolyprefError, match=rf"^cannot push to 'me/model': .*{sentence}"):
        push_to_hub(built("llama"), "me/model", api=FakeHub(tmp_path, error))


@pytest.mark.parametrize(("name", "sentence"), [("me/model", "HF_HUB_OFFLINE is set"), ("a/b/c", "Repo id must be")])
def test_the_real_client_offline_is_one_sentence_too(built, name, sentence):
    with pytest.raises(PolyprefError, match=sentence):
        built("llama").push_to_hub(name, token="hf_none")
