"""What a server counts."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from akid.prometheus import Sample, family

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """How often values were how large.

    Args:
        bounds: upper ones of buckets, inclusive.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self) -> list[Sample]:
        """As Prometheus takes them: each bucket has all that is below its bound."""
        found: list[Sample] = []
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            found.append(("_bucket", {"le": bound}, total))
        return [*found, ("_sum", {}, self._sum), ("_count", {}, total)]


class Metrics:
    """Of requests that ask a model."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds, self.rows = Histogram(SECONDS), Histogram(ROWS)

    def answered(self, protocol: str, status: int, seconds: float) -> None:
        """A request has its response."""
        self.requests[protocol, status] += 1
        self.seconds.observe(seconds)

    def text(self, in_flight: int, versions: Sequence[int], loads: Mapping[str, int]) -> str:
        """In Prometheus' text format.

        Args:
            in_flight: requests at work.
            versions: of the model in memory.
            loads: how many versions were loaded, and how many could not be.
        """
        requests = [("", {"protocol": p, "code": str(c)}, n) for (p, c), n in sorted(self.requests.items())]
        lines = [
            *family("akid_serving_requests_total", "counter", "Requests for inference.", requests),
            *family(
                "akid_serving_request_seconds",
                "histogram",
                "Time from a request to its response.",
                self.seconds.samples(),
            ),
            *family("akid_serving_batch_rows", "histogram", "Examples of a batch.", self.rows.samples()),
            *family("akid_serving_in_flight", "gauge", "Requests at work.", [("", {}, in_flight)]),
            *family(
                "akid_serving_version",
                "gauge",
                "Versions in memory.",
                [("", {"version": str(v)}, 1) for v in versions],
            ),
            *family(
                "akid_serving_loads_total",
                "counter",
                "Versions read.",
                [("", {"result": r}, n) for r, n in loads.items()],
            ),
        ]
        return "\n".join(lines) + "\n"
