"""Limits and names of the API."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the gateway serves API and pages.

    Attributes:
        allowed_hosts: names, beside `localhost` and IP addresses, under which browsers may reach this gateway. Any
            other name in the Host header is refused, so that a foreign page cannot reach it by DNS rebinding.
        reader_threads: queries to the store that run at the same time.
        reader_queue: further queries that may wait; more are refused with 503.
        stream_interval_s: time between two frames of the live stream.
        stream_clients: browsers that may listen to the live stream at the same time.
        stream_stall_s: a client that takes no byte for so long is disconnected.
    """

    allowed_hosts: frozenset[str] = field(default_factory=frozenset)
    reader_threads: int = 4
    reader_queue: int = 64
    stream_interval_s: float = 0.5
    stream_clients: int = 200
    stream_stall_s: float = 20.0


MAX_POINTS = 10_000
"""Most buckets, or raw samples instead of buckets, in one answer."""
MAX_ROWS = 100_000
"""Most raw samples of one page of an exact export."""
MAX_SERIES = 500
"""Most series that one request may name."""
MAX_SPAN_NS = 10 * 366 * 86_400 * 1_000_000_000
"""Longest window: ten years."""
MAX_BODY_BYTES = 1_048_576
"""Largest request body; the API itself takes none, the page's own messages are far smaller."""
MAX_TARGET_BYTES = 8_192
"""Longest path with query."""
