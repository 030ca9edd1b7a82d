"""The page on which people vote, and the moderator's: files of the package, each by its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

from fastapi import APIRouter, Response

from polypref.serving.service import needs

voters = APIRouter(include_in_schema=False, dependencies=[needs("vote")])
admins = APIRouter(include_in_schema=False, dependencies=[needs("admin")])

_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_VOTERS = {
    "/vote": "vote.html",
    "/vote.js": "vote.js",
    "/vote.css": "vote.css",
    "/vote.svg": "icon.svg",
    "/vote-common.js": "common.js",
    "/vote-opinion.js": "opinion.js",
}
_ADMINS = {  # under names of their own: a token may see the one page and not the other
    "/moderate": "moderate.html",
    "/moderate.js": "moderate.js",
    "/moderate.css": "vote.css",
    "/moderate.svg": "icon.svg",
    "/moderate-common.js": "common.js",
}


def _file(name: str) -> Callable[[], Response]:
    def answer() -> Response:
        text = (files("polypref.serving") / "page" / name).read_text(encoding="utf-8")
        return Response(text, media_type=f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8")

    return answer


def _add(router: APIRouter, pages: Mapping[str, str]) -> None:
    for path, name in pages.items():
        router.add_api_route(path, _file(name), methods=["GET"])


_add(voters, _VOTERS)
_add(admins, _ADMINS)
