"""What stands before every route: tokens, limits, headers, and a line in the log for each request."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from polypref.errors import PolyprefError
from polypref.serving.errors import Refused
from polypref.serving.metrics import Metrics
from polypref.serving.tokens import SCOPES, Token, Tokens

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CALLER = "polypref.caller"  # where a request's scope says who asks
OPEN = ("/healthz", "/readyz")  # for whom watches over the process, without a token
_PREFIX = "/t/"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_KNOWN_CALLERS = 10_000
AUDIT = logging.getLogger("polypref.audit")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # a link would tell a token that stands in the address
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Limits:
    """What one token (or, where there are none, one address) may do."""

    rate: float = 1000.0  # requests a second, on average
    burst: float = 2000.0  # at once
    body: int = 8 * 2**20  # bytes of a request


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    name: str
    scopes: frozenset[str]
    rate: float | None = None

    @classmethod
    def of(cls, token: Token) -> Caller:
        """Whoever holds a token."""
        return cls(f"{token.name} ({token.id})", frozenset(token.scopes), token.rate)


class Guard:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        tokens: Tokens | None,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.tokens, self.limits, self.metrics, self._clock = app, tokens, limits, metrics, clock
        self._allowance: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller → (requests left, when)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        await _Request(self, scope, receive, send).run()

    def caller(self, given: str | None, path: str, address: str) -> Caller:
        """Who asks, by the token that was given."""
        if self.tokens is None:
            return Caller(address, frozenset(SCOPES))
        if path in OPEN:
            return Caller(address, frozenset())
        if given is None:
            raise Refused(
                "a token is needed: in the header Authorization: Bearer …, or as /t/TOKEN/ before the path", 401
            )
        try:
            return Caller.of(self.tokens.find(given))
        except PolyprefError as error:
            raise Refused(str(error), 401) from None

    def spend(self, caller: Caller) -> None:
        """One request of a caller; refused where there were too many."""
        rate = self.limits.rate if caller.rate is None else caller.rate
        burst = self.limits.burst if caller.rate is None else max(1.0, 2 * caller.rate)
        now = self._clock()
        left, since = self._allowance.pop(caller.name, (burst, now))
        left = min(burst, left + (now - since) * rate)
        self._allowance[caller.name] = (left - 1 if left >= 1 else left, now)
        if len(self._allowance) > _KNOWN_CALLERS:
            self._allowance.popitem(last=False)
        if left < 1:
            raise Refused(f"more than {rate:g} requests a second", 429, retry_after=max(1, round((1 - left) / rate)))


class _Request:
    """One request on its way."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self.guard, self.receive, self.send = guard, receive, send
        self.token, path = _without_prefix(scope["path"])
        self.scope: Scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "replace")}
        if self.token is not None:
            self.scope["polypref.prefixed"] = True
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(list(scope["headers"]))
        }
        self.status, self.who, self.begun = 500, "-", False
        self.body: bytes | None = None  # until the application has it

    async def run(self) -> None:
        started = time.perf_counter()
        try:
            self._check()
            self.body = await self._read()
            await self.guard.app(self.scope, self._receive, self._send)
        except Refused as error:
            if not self.begun:
                await self._refuse(error)
        finally:
            self._log(time.perf_counter() - started)

    def _check(self) -> None:
        address = (self.scope.get("client") or ("unknown", 0))[0]
        self.who = address
        caller = self.guard.caller(self._given(), self.scope["path"], address)
        self.who = caller.name
        self.scope[CALLER] = caller
        self.guard.spend(caller)
        host = self.headers.get("host", "")
        if self.guard.tokens is None and _name_of(host) not in _LOOPBACK:
            raise Refused("a service without tokens answers to localhost alone", 421)
        origin = self.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refused("requests from pages of other places are not taken", 403)
        if self.scope["method"] not in ("GET", "HEAD"):
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Refused("expected a JSON body, with Content-Type: application/json", 415)
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > self.guard.limits.body:
            raise self._too_long()

    def _given(self) -> str | None:
        if self.token is not None:
            return self.token
        kind, _, given = self.headers.get("authorization", "").partition(" ")
        return given.strip() if kind.lower() == "bearer" and given.strip() else None

    def _too_long(self) -> Refused:
        return Refused(f"a request has at most {self.guard.limits.body:,} bytes", 413)

    async def _read(self) -> bytes:
        parts, length, more = [], 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Refused("the client has gone", 499)
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            if length > self.guard.limits.body:
                raise self._too_long()
            more = message.get("more_body", False)
        return b"".join(parts)

    async def _receive(self) -> MutableMapping[str, Any]:
        if self.body is None:
            return await self.receive()  # what comes after the body: that the client has gone
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            given = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [*message.get("headers", []), *_encoded(HEADERS.items(), given)]
        await self.send(message)

    async def _refuse(self, error: Refused) -> None:
        body = json.dumps({"error": str(error)}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        if error.retry_after is not None:
            headers["retry-after"] = str(error.retry_after)
        if error.status == 401:
            headers["www-authenticate"] = "Bearer"
        await self._send({"type": "http.response.start", "status": error.status, "headers": _encoded(headers.items())})
        await self._send({"type": "http.response.body", "body": body})

    def _log(self, seconds: float) -> None:
        route = getattr(self.scope.get("route"), "path", "other")
        self.guard.metrics.count(route, self.status, seconds)
        line = {
            "time": round(time.time(), 3),
            "who": self.who,
            "method": self.scope["method"],
            "path": self.scope["path"][:200],
            "status": self.status,
            "milliseconds": round(1000 * seconds, 1),
        }
        AUDIT.info("%s", json.dumps(line))


def _without_prefix(path: str) -> tuple[str | None, str]:
    """The token that stands before a path, if any, and the path."""
    if not path.startswith(_PREFIX):
        return None, path
    token, _, rest = path[len(_PREFIX) :].partition("/")
    return token, f"/{rest}"


def _name_of(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _encoded(headers: Iterable[tuple[str, str]], but: Iterable[bytes] = ()) -> list[tuple[bytes, bytes]]:
    left_out = set(but)
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return [pair for pair in pairs if pair[0] not in left_out]
