"""The application: routes, what stands before them, and how errors are told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from polypref import __version__
from polypref.errors import PolyprefError
from polypref.serving.errors import Refused
from polypref.serving.guard import Guard, Limits
from polypref.serving.routes import groups, health, nemo_gym, openrlhf, page, slime, vllm, votes
from polypref.serving.service import Service, needs
from polypref.serving.tokens import Tokens

_LOG = logging.getLogger("polypref.serving")

Application = Callable[..., Awaitable[None]]


def application(service: Service) -> FastAPI:
    """The routes, without what stands before them."""
    app = FastAPI(
        title="polypref",
        version=__version__,
        description="Preference models for people who disagree: scores, preferences, rewards for trainers, votes.",
        lifespan=_lifespan,
        docs_url=None,  # its page would load scripts from the network
        redoc_url=None,
        openapi_url=None,
    )
    app.state.service = service
    app.include_router(health.open_router)
    for module in (health, groups, openrlhf, slime, vllm, nemo_gym):
        app.include_router(module.router)
    for router in (votes.voters, votes.readers, votes.admins, page.voters, page.admins):
        app.include_router(router)
    _document(app)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(PolyprefError, _complaint)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)
    return app


def guarded(service: Service, *, tokens: Tokens | None = None, limits: Limits | None = None) -> Guard:
    """The application as it is served."""
    return Guard(application(service), tokens=tokens, limits=limits or Limits(), metrics=service.metrics)


def _document(app: FastAPI) -> None:
    async def openapi() -> dict[str, Any]:
        """The description of all routes."""
        return app.openapi()

    app.get("/openapi.json", include_in_schema=False, dependencies=[needs("read")])(openapi)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.service.ready = False


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return _sentence(str(error), error.status, headers)


async def _complaint(_request: Request, error: Exception) -> JSONResponse:
    return _sentence(str(error), 422)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part)[:100] for part in first["loc"][1:]) or "the body"
    if first["type"] == "json_invalid":
        return _sentence(f"the body is no JSON: {first.get('ctx', {}).get('error', first['msg'])}", 400)
    return _sentence(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}", 422)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = {404: "there is nothing at this address", 405: "this address takes another method"}
    return _sentence(words.get(error.status_code, str(error.detail)), error.status_code, dict(error.headers or {}))


async def _failed(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s failed", request.scope["path"], exc_info=error)
    return _sentence("the service failed on this request, and its log says why", 500)


def _sentence(text: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": text.encode("utf-8", "replace").decode()}, status, headers)
