"""What the service has done, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from polypref.serving.hosting import Host

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)  # seconds


class Metrics:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._within: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))

    def count(self, route: str, status: int, seconds: float) -> None:
        """One more request; the route is a template, so that nobody can invent new rows."""
        self.requests[route, status] += 1
        self._seconds[route] += seconds
        at = next((at for at, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self._within[route][at] += 1

    def text(self, host: Host, held: Mapping[str, int]) -> str:
        """Everything, in the text format of Prometheus; `held` are the samples in open cohorts, by model."""
        lines = [
            *_head("polypref_requests_total", "counter", "Requests by route and status."),
            *(
                f'polypref_requests_total{{route="{_safe(route)}",status="{status}"}} {count}'
                for (route, status), count in sorted(self.requests.items())
            ),
            *self._latencies(),
        ]
        for name, kind, what, values in _of_models(host, held):
            lines += _head(name, kind, what)
            lines += [f'{name}{{model="{_safe(model)}"}} {value:g}' for model, value in values]
        return "\n".join(lines) + "\n"

    def _latencies(self) -> Iterable[str]:
        name = "polypref_request_seconds"
        yield from _head(name, "histogram", "Seconds from the first byte of a request to the last of its answer.")
        for route, counts in sorted(self._within.items()):
            total = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts):
                total += count
                yield f'{name}_bucket{{route="{_safe(route)}",le="{bound}"}} {total}'
            yield f'{name}_sum{{route="{_safe(route)}"}} {self._seconds[route]:.6f}'
            yield f'{name}_count{{route="{_safe(route)}"}} {total}'


def _of_models(host: Host, held: Mapping[str, int]) -> Iterable[tuple[str, str, str, list[tuple[str, float]]]]:
    queues = [(name, one.batcher) for name, one in host.items()]
    yield "polypref_waiting_responses", "gauge", "Responses in the queue.", [(n, q.waiting) for n, q in queues]
    for field, what in (
        ("asked", "Responses that were asked about."),
        ("encoded", "Responses that were computed, and not found among those kept."),
        ("tokens", "Tokens of the responses that were computed."),
        ("batches", "Passes over the queue that computed something."),
        ("cancelled", "Questions whose clients left before their turn."),
        ("refused", "Questions that found the queue full."),
        ("seconds", "Seconds spent computing."),
    ):
        yield f"polypref_{field}_total", "counter", what, [(n, getattr(q.counts, field)) for n, q in queues]
    yield "polypref_held_samples", "gauge", "Samples that wait for their cohort.", sorted(held.items())


def _head(name: str, kind: str, what: str) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]


def _safe(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
