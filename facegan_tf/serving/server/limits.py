"""How much time and memory one request, or all of them together, may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes."""

    draw_seconds: float = 30.0
    """Until all faces of a request are drawn."""
    head_seconds: float = 15.0
    """Until the first line and the headers of a request have arrived, also on an idle connection."""
    body_seconds: float = 20.0
    """Until the body of a request has arrived."""
    stalled_seconds: float = 60.0
    """For a client that doesn't read its response."""
    body_bytes: int = 2**22
    """The body of a request."""
    bodies_bytes: int = 2**26
    """All bodies that are arriving."""
