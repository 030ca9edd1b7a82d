"""Models on the Hugging Face hub: a saved folder, its card included, in a repository."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypref.errors import PolyprefError
from polypref.models.card import CARD
from polypref.models.persons import PERSONS

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel

_TRANSPORTS = frozenset(("requests", "httpx", "httpx2"))  # by version of the hub's client


def push_to_hub(
    model: PreferenceModel,
    repo_id: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    message: str = "Upload a polypref model",
    token: str | None = None,
    api: Any = None,
) -> str:
    """Save the model into a repository of the hub, made if there is none, and say at which address it is."""
    from huggingface_hub import HfApi

    api = HfApi(token=token) if api is None else api
    with tempfile.TemporaryDirectory(prefix="polypref-") as temporary:
        folder = Path(temporary) / "model"
        try:
            place = api.create_repo(repo_id, private=private, exist_ok=True)
            if api.file_exists(repo_id, CARD, revision=revision):  # one that a person wrote there stays
                api.hf_hub_download(repo_id, CARD, revision=revision, local_dir=folder)
            model.save_pretrained(folder)
            api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                revision=revision,
                commit_message=message,
                ignore_patterns=[".cache/*", PERSONS],  # what came by the download, and who is nobody else's business
            )
        except PolyprefError:
            raise
        except Exception as error:  # the hub client raises whatever its transport raises
            raise PolyprefError(f"cannot push to {repo_id!r}: {_reason(error)}") from error
    return str(place)


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, which keeps everything offline; unset it"
    if isinstance(error, LocalTokenNotFoundError) or status == 401:
        return "nobody is logged in; run hf auth login, or give a token that may write"
    if status == 403:
        return "who is logged in may not write there; name a repository of yours, or give a token that may write"
    if status is None and type(error).__module__.partition(".")[0] in _TRANSPORTS:
        return "the hub cannot be reached; try again when it can, or save_pretrained and upload the folder later"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
