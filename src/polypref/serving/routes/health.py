"""Whether the service lives, whether it answers, and what it has done."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from polypref.serving.errors import Busy
from polypref.serving.service import ServiceNeeded, needs

open_router = APIRouter(tags=["health"])
router = APIRouter(tags=["health"], dependencies=[needs("read")])


class Health(BaseModel):
    """That it lives."""

    status: str


@open_router.get("/healthz", response_model=Health)
async def healthz() -> dict[str, str]:
    """Whether the process lives."""
    return {"status": "ok"}


@open_router.get("/readyz", response_model=Health)
async def readyz(service: ServiceNeeded) -> dict[str, str]:
    """Whether requests are answered now."""
    if not service.ready:
        raise Busy("the service is closing", retry_after=5)
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(service: ServiceNeeded) -> Response:
    """What Prometheus reads."""
    text = service.metrics.text(service.host, service.held())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")
