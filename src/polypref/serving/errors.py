"""What a client is told when its request is not answered: a status, one sentence, and when to come again."""

from __future__ import annotations

from polypref.errors import PolyprefError


class Refused(PolyprefError):
    """A request that is not answered, with the HTTP status that says so."""

    status = 422

    def __init__(self, sentence: str, status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status = type(self).status if status is None else status
        self.retry_after = retry_after  # seconds


class Busy(Refused):
    """More is waiting than fits: come again later."""

    status = 503
