"""The page on which people vote, and the moderator's: files of the package, each by its own name."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

from polypref.serving.service import needs

voters = APIRouter(include_in_schema=False, dependencies=[needs("vote")])
admins = APIRouter(include_in_schema=False, dependencies=[needs("admin")])

_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def _file(name: str) -> Response:
    text = (files("polypref.serving") / "page" / name).read_text(encoding="utf-8")
    return Response(text, media_type=f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8")


@voters.get("/vote")
def vote() -> Response:
    """The page."""
    return _file("vote.html")


@voters.get("/vote.js")
def vote_script() -> Response:
    """What it does."""
    return _file("vote.js")


@voters.get("/vote.css")
def vote_style() -> Response:
    """How it looks."""
    return _file("vote.css")


@admins.get("/moderate")
def moderate() -> Response:
    """The moderator's page."""
    return _file("moderate.html")


@admins.get("/moderate.js")
def moderate_script() -> Response:
    """What it does."""
    return _file("moderate.js")


@admins.get("/moderate.css")
def moderate_style() -> Response:
    """How it looks: as the other."""
    return _file("vote.css")
