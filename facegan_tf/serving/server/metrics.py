"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper bounds of the latency buckets."""


class Metrics:
    """The counters of one server, in their own registry."""

    def __init__(self, batch: int):
        """batch: faces in a full batch."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, CPU time and open files
        self.requests = Counter(
            "facegan_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "facegan_request_seconds",
            "Seconds from a request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "facegan_batch_faces",
            "Faces asked for in each call of the generator.",
            buckets=range(1, batch + 1),
            registry=self.registry,
        )
        self.queue = Gauge("facegan_queue_faces", "Faces waiting to be drawn.", registry=self.registry)
