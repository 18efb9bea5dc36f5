"""Configuration of the durable log and of how it is delivered."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from edge_agent.sparkplug.settings import Settings


class LogConfig(Settings):
    """The durable log and how it is emptied.

    Attributes:
        path: SQLite file; damaged ones are moved aside beside it.
        max_bytes: limit of the messages in it. A nearly full disk lowers it.
        max_age_h: messages older than this are dropped (and declared lost).
        overflow: what gives way at the limit: `oldest` messages, `newest` values, or fidelity: `thin_out` takes every
            second value of the oldest messages, up to three times, before it drops the oldest.
        max_waiting_values: values kept in memory while the log cannot be written (disk full).
        resend_after_s: unacknowledged messages are sent again after this time.
        resend_per_s: upper limit of messages of the backlog sent per second; live ones always come first.
        resend_window: upper limit of messages of the backlog that are sent and not yet acknowledged.
        window_s, window_messages: with delivery = "window", a message is kept this long after it was sent, and at most
            so many are kept.
    """

    path: Path
    max_bytes: int = Field(default=1_000_000_000, ge=100_000)
    max_age_h: float = Field(default=720.0, gt=0, le=87_600)
    overflow: Literal["oldest", "newest", "thin_out"] = "oldest"
    max_waiting_values: int = Field(default=50_000, ge=1_000)
    resend_after_s: float = Field(default=10.0, ge=0.1, le=3_600)
    resend_per_s: float = Field(default=500.0, ge=1, le=100_000)
    resend_window: int = Field(default=500, ge=1, le=100_000)
    window_s: float = Field(default=60.0, ge=1, le=86_400)
    window_messages: int = Field(default=10_000, ge=1)
