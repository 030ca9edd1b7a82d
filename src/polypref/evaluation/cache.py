"""States kept on disk, so that a second metric costs no run of the model and a killed evaluation goes on.

Every group is kept under the name of what its states depend on: the weights, how they are computed with, and the tokens
that were read. Groups computed together share a file. What is not there is computed; nothing is ever stale, and
everything may be deleted.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from polypref import __version__
from polypref.errors import DataError, PolyprefError
from polypref.files import replace_when_done
from polypref.groups.model import Group
from polypref.models.answer import StateAnswer
from polypref.models.embedded import cache_folder
from polypref.models.encoder import StateEncoder
from polypref.models.inputs import Input
from polypref.models.preference_model import WINDOW, PreferenceModel

_FORMAT = "2"  # of the files
_KEY = 16  # bytes


class _Place(NamedTuple):
    """Where the states of one group are: rows `start` to `stop` of a file."""

    path: Path
    start: int
    stop: int
    cut: int


class StateCache:
    """The states of one model in a folder: `folder`, or `states` in polypref's own cache folder.

    `hits` counts the groups whose states were there, `computed` the others.
    """

    def __init__(self, model: PreferenceModel, folder: str | Path | None = None) -> None:
        if not keeps(model):
            raise PolyprefError(
                "the states of this model are not kept: its weights do not say all that they depend on, for it shares "
                "them among domains, or runs code of its own"
            )
        self.model = model
        root = cache_folder() / "states" if folder is None else Path(folder)
        self.folder = root / fingerprint(model)
        self.hits = self.computed = 0
        self._places: dict[bytes, _Place] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self._places.update(_places(path))

    def encode(self, groups: Iterable[Group]) -> Iterator[tuple[Group, StateAnswer]]:
        """Each group with what the model says of it, in order, as `PreferenceModel.encode` gives them."""
        source = iter(groups)
        while block := list(itertools.islice(source, WINDOW)):
            keys = [_key(self.model.tokenize(group)) for group in block]
            known = self._read({key for key in keys if key in self._places})
            new = {key: group for key, group in zip(keys, block) if key not in known}
            self.hits += len(block) - len(new)
            self.computed += len(new)
            if new:
                computed = {key: answer for key, (_, answer) in zip(new, self.model.encode(new.values()))}
                self._write(computed)
                known |= {key: (answer.rows, answer.cut) for key, answer in computed.items()}
            for key, group in zip(keys, block):
                rows, cut = known[key]
                model = self.model
                yield group, StateAnswer(model.head, rows, len(group), cut, model.domain, model.temperature)

    def _read(self, keys: Iterable[bytes]) -> dict[bytes, tuple[torch.Tensor, int]]:
        """The states of groups that are kept, and how many tokens were cut."""
        from safetensors import safe_open

        found = {}
        by_path = sorted(((self._places[key], key) for key in keys), key=lambda one: str(one[0].path))
        for path, members in itertools.groupby(by_path, key=lambda one: one[0].path):
            with _readable(path), safe_open(path, "pt") as file:
                rows = file.get_slice("states")
                for place, key in members:
                    empty = place.start == place.stop  # a joint head reads nothing of a single response
                    found[key] = (torch.zeros(0, 0) if empty else rows[place.start : place.stop], place.cut)
        return found

    def _write(self, known: dict[bytes, StateAnswer]) -> None:
        """The states of some groups in one file, whole or not at all, even if other processes write the same."""
        from safetensors.torch import save

        kept = {
            "keys": torch.frombuffer(bytearray(b"".join(known)), dtype=torch.uint8).view(-1, _KEY),
            "states": torch.cat([one.rows for one in known.values() if len(one.rows)] or [torch.zeros(0, 0)]).cpu(),
            "rows": torch.tensor([len(one.rows) for one in known.values()]),
            "cut": torch.tensor([one.cut for one in known.values()]),
        }
        path = self.folder / f"{hashlib.blake2b(b''.join(known), digest_size=_KEY).hexdigest()}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replace_when_done(path) as file:
                file.write(save(kept))
        except (OSError, DataError) as error:
            raise PolyprefError(f"cannot keep states in {self.folder}: {error}; choose another --cache") from error
        self._places.update(_listed(path, kept))


def keeps(model: PreferenceModel) -> bool:
    """Whether a model's weights say all that its states depend on: not so where domains have adapters beside them, nor
    where the model comes with code of its own."""
    own_code = type(model.encoder.classifier).__module__.startswith("transformers_modules")
    return type(model.encoder) is StateEncoder and type(model) is PreferenceModel and not own_code


def cache_of(model: PreferenceModel, folder: str | Path | None = None) -> StateCache | None:
    """The cache of a model's states in a folder, or None for one whose states are not kept."""
    return StateCache(model, folder) if keeps(model) else None


def fingerprint(model: PreferenceModel) -> str:
    """What a model's states depend on besides the tokens: every weight, and what computes with it, and how."""
    import transformers

    encoder, classifier = model.encoder, model.encoder.classifier
    digest = hashlib.blake2b(digest_size=_KEY)
    described = (
        *(_FORMAT, __version__, torch.__version__, transformers.__version__, encoder.device.type),
        *(type(classifier).__name__, str(classifier.dtype), classifier.config._attn_implementation),
        *(encoder.shares_prompts, encoder.reads_alone, encoder.pad, encoder.segments),
    )
    config = {key: value for key, value in classifier.config.to_dict().items() if key not in _NOTES}
    digest.update(repr((described, sorted(config.items(), key=lambda item: item[0]))).encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(repr((name, plain.dtype, tuple(plain.shape))).encode())
        digest.update(plain.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


_NOTES = frozenset({"polypref", "_name_or_path", "transformers_version"})  # in a configuration, but not computed with


def _key(inputs: Sequence[Input]) -> bytes:
    """The name of what is read for one group."""
    digest = hashlib.blake2b(digest_size=_KEY)
    for item in inputs:
        digest.update(item.boundary.to_bytes(4, "little"))
        digest.update(item.cut.to_bytes(8, "little"))
        digest.update(len(item.tokens).to_bytes(4, "little"))
        digest.update(item.tokens.tobytes())
    return digest.digest()


def _places(path: Path) -> dict[bytes, _Place]:
    """What a file holds, without its states."""
    from safetensors import safe_open

    with _readable(path), safe_open(path, "pt") as file:
        return _listed(path, {name: file.get_tensor(name) for name in ("keys", "rows", "cut")})


def _listed(path: Path, kept: dict[str, torch.Tensor]) -> dict[bytes, _Place]:
    stops = kept["rows"].cumsum(0)
    bounds = zip((stops - kept["rows"]).tolist(), stops.tolist(), kept["cut"].tolist())
    return {bytes(key.tolist()): _Place(path, *bound) for key, bound in zip(kept["keys"], bounds)}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise PolyprefError(f"{path} cannot be read ({error}): delete it, and it is made again") from error
