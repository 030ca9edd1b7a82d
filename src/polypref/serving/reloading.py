"""A new checkpoint in place of a served one, while requests go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from polypref.errors import PolyprefError
from polypref.models.loading import Loading
from polypref.serving.hosting import Host, Served, Weights

Stamp = tuple[tuple[str, int, int, int], ...]


def stamp_of(place: str) -> Stamp:
    """What the files of a model's folder look like from outside: names, sizes, times; nothing for a model of a hub."""
    folder = Path(place)
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # a writer took it away in between; the next look tells
            continue
        found.append((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(found)


class Reloader:
    """Looks at the folders of all models every few seconds, and takes in what has changed and then stayed the same."""

    def __init__(
        self,
        host: Host,
        loading: Loading,
        tell: Callable[[str], None],
        *,
        seconds: float = 5.0,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._host, self._loading, self._tell, self._seconds, self._after = host, loading, tell, seconds, after
        self._served = {name: stamp_of(one.place) for name, one in host.items() if one.place is not None}
        self._seen = dict(self._served)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="polypref-reload", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join()

    def look(self) -> list[str]:
        """Look once; returns the models that were taken in anew."""
        taken = []
        for name in self._served:
            one = self._host[name]
            assert one.place is not None
            now, before = stamp_of(one.place), self._seen[name]
            self._seen[name] = now
            if now and now == before and now != self._served[name]:
                self._served[name] = now  # tried once, whatever comes of it
                if self._take(one, one.place):
                    taken.append(name)
        if taken and self._after is not None:
            self._after()
        return taken

    def _take(self, one: Served, place: str) -> bool:
        try:
            one.swap(Weights.load(place, self._loading))
        except (PolyprefError, OSError) as error:
            self._tell(f"{one.name} stays as it was, for what lies in {place} now cannot be served: {error}")
            return False
        self._tell(f"{one.name} is served as it lies in {place} now")
        return True

    def _watch(self) -> None:
        while not self._ending.wait(self._seconds):
            self.look()
