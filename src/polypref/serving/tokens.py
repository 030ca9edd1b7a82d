"""Tokens: who may ask for what; only their hashes are stored, and files change as a whole."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from polypref.errors import DataError, PolyprefError, unknown
from polypref.files import write_whole

Scope = Literal["score", "vote", "read", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
_ENTROPY = 32  # bytes of a secret: so many that a fast hash keeps it
_MARK = "pp"  # how our tokens begin, so that a leaked one is recognised


@dataclass(frozen=True)
class Token:
    """What is stored of a token."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hash: str  # SHA-256 of the whole token, hexadecimal
    made: float  # seconds since 1970
    expires: float | None = None
    revoked: float | None = None
    rate: float | None = None  # requests a second; the service's own where it is not given

    def refusal(self, now: float) -> str | None:
        """Why it is not taken, in a sentence; None where it is."""
        if self.revoked is not None:
            return "the token was revoked"
        if self.expires is not None and now >= self.expires:
            return "the token has expired"
        return None


class Tokens:
    """The tokens of a file, read again whenever it has changed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._by_id: dict[str, Token] = {}
        self._refresh()

    def find(self, given: str, now: float | None = None) -> Token:
        """The token that was given; one sentence where it is wrong, revoked or expired."""
        self._refresh()
        mark, _, rest = given.partition("_")
        token = self._by_id.get(rest.partition("_")[0]) if mark == _MARK else None
        expected = token.hash if token is not None else "0" * 64  # an unknown one takes as long as a wrong one
        same = hmac.compare_digest(_hash(given), expected)
        if token is None or not same:
            raise PolyprefError("the token is unknown")
        refusal = token.refusal(time.time() if now is None else now)
        if refusal is not None:
            raise PolyprefError(refusal)
        return token

    def all(self) -> list[Token]:
        """All tokens, in the order they were made."""
        self._refresh()
        return list(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", file=self.path) from None
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if stamp != self._stamp:
            self._by_id = {token.id: token for token in read_tokens(self.path)}
            self._stamp = stamp


def read_tokens(path: str | Path) -> list[Token]:
    """The tokens of a file; none, if there is no such file."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", file=path) from None
    tokens = []
    for row, line in enumerate(lines, 1):
        try:
            given = json.loads(line)
            tokens.append(Token(**{**given, "scopes": tuple(given["scopes"])}))
        except (ValueError, TypeError, KeyError):
            raise DataError("expected a token as polypref token make writes them", file=path, row=row) from None
    return tokens


def make_token(
    path: str | Path,
    name: str,
    scopes: Sequence[str],
    *,
    days: float | None = None,
    rate: float | None = None,
    now: float | None = None,
) -> tuple[str, Token]:
    """A new token, which is told once, and what is stored of it in the file."""
    for scope in scopes:
        if scope not in SCOPES:
            raise PolyprefError(unknown("scope", scope, SCOPES))
    if not scopes:
        raise PolyprefError(f"a token without scopes may do nothing: give some of {', '.join(SCOPES)}")
    if not name.strip() or not name.isprintable():
        raise PolyprefError("a token needs a name, by which the log calls who holds it")
    if (days is not None and days <= 0) or (rate is not None and rate <= 0):
        raise PolyprefError("days and rates are positive")
    made = time.time() if now is None else now
    known = read_tokens(path)
    id = secrets.token_hex(4)
    told = f"{_MARK}_{id}_{secrets.token_urlsafe(_ENTROPY)}"
    expires = None if days is None else made + days * 86400
    token = Token(id, name, tuple(dict.fromkeys(scopes)), _hash(told), made, expires, rate=rate)
    _write(path, [*known, token])
    return told, token


def revoke_token(path: str | Path, id: str, now: float | None = None) -> Token:
    """Take a token back, by its id; services that read the file refuse it from their next request on."""
    known = read_tokens(path)
    found = next((token for token in known if token.id == id), None)
    if found is None:
        raise DataError(f"holds no token {id!r}", file=path)
    revoked = found if found.revoked is not None else replace(found, revoked=time.time() if now is None else now)
    _write(path, [revoked if token.id == id else token for token in known])
    return revoked


def _write(path: str | Path, tokens: Sequence[Token]) -> None:
    try:
        write_whole(path, "".join(json.dumps(asdict(token), ensure_ascii=False) + "\n" for token in tokens))
        os.chmod(path, 0o600)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=path) from None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
