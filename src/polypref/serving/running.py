"""From the settings of a command to a service that listens."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from polypref.alignment.guidance import check_reward
from polypref.errors import DataError, PolyprefError
from polypref.groups.sources import Sources
from polypref.models.loading import Loading
from polypref.serving.app import guarded
from polypref.serving.cohorts import CohortSettings
from polypref.serving.guard import AUDIT, Guard
from polypref.serving.hosting import Host
from polypref.serving.opinion import Opinions
from polypref.serving.polling import Polling
from polypref.serving.priors import prior_of, strength_of
from polypref.serving.reloading import Reloader
from polypref.serving.service import Service
from polypref.serving.store import Store
from polypref.serving.tokens import Tokens


@dataclass(frozen=True)
class Settings:
    """What a service is told when it starts."""

    models: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8000
    token_file: str | None = None
    cohort: int | None = None
    timeout: float = 60.0
    reward: str = "log-odds"
    scale: str = "none"
    references: Sequence[str] = field(default_factory=list)
    most_waiting: int = 8192
    audit: str | None = None
    store: str | None = None
    items: Sequence[str] = field(default_factory=list)
    forgetting: float = 1.0
    reload: bool = False


def built(settings: Settings, loading: Loading) -> tuple[Guard, Service]:
    """The service and its models, ready to answer."""
    if not settings.models and settings.store is None:
        raise PolyprefError("there is nothing to serve: name a model, or give --store")
    tokens = None if settings.token_file is None else Tokens(settings.token_file)
    if tokens is not None and not len(tokens):
        raise DataError("holds no token: make one with polypref token make", file=settings.token_file)
    if tokens is None and not is_loopback(settings.host):
        raise PolyprefError(
            f"{settings.host} can be reached from other machines: give --token-file with tokens that polypref token "
            "make makes, or listen at 127.0.0.1"
        )
    cohort = None
    if settings.cohort is not None:
        cohort = CohortSettings(settings.cohort, settings.timeout, settings.reward, settings.scale)
    if settings.audit is not None:
        _audit(settings.audit)
    references = _references(settings.references)
    host = Host.load(settings.models, loading, most_waiting=settings.most_waiting)
    if cohort is not None:
        for served in host.values():
            check_reward(cohort.reward, served.model.head)
    service = Service(host, cohort=cohort, references=references, polling=_polling(settings, host))
    return guarded(service, tokens=tokens), service


def _polling(settings: Settings, host: Host) -> Polling | None:
    """People's votes, with the first model's opinion as prior."""
    if settings.store is None:
        if settings.items:
            raise PolyprefError("items are kept in a store: give --store, too")
        return None
    store = Store(settings.store)
    store.put(Sources(list(settings.items)) if settings.items else [])
    prior = None
    if host:
        first = next(iter(host.values()))
        prior = prior_of(first, strength_of(first, store.groups()))
    return Polling(store, Opinions(store, prior, forgetting=settings.forgetting))


def run(settings: Settings, loading: Loading, tell: Callable[[str], None]) -> None:
    """Listen until the process is told to end; then what waits is answered, and the threads end."""
    import uvicorn

    app, service = built(settings, loading)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise PolyprefError(f"cannot listen at {settings.host}:{settings.port}: {error.strerror or error}") from None
    address, port = listening.getsockname()[:2]
    names = ", ".join(service.host) or "votes"
    tell(f"serving {names} at http://{f'[{address}]' if ':' in address else address}:{port}")
    # its own log of requests would show the tokens that stand in addresses
    config = uvicorn.Config(
        app, access_log=False, log_level="warning", timeout_graceful_shutdown=10, server_header=False
    )
    anew = None if service.polling is None else service.polling.opinions.begin_anew
    reloader = Reloader(service.host, loading, tell, after=anew) if settings.reload else None
    if reloader is not None:
        reloader.start()
    try:
        uvicorn.Server(config).run([listening])
    finally:
        if reloader is not None:
            reloader.close()
        service.host.close()


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may stand for any address


def _references(files: Sequence[str]) -> dict[Hashable, tuple[str, ...]]:
    """The responses of stored groups, by prompt in plain text."""
    if not files:
        return {}
    return {(False, group.prompt): group.responses for group in Sources(list(files))}


def _audit(path: str) -> None:
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror})", file=path) from None
    AUDIT.addHandler(handler)
    AUDIT.setLevel(logging.INFO)
    AUDIT.propagate = False
