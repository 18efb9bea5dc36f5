"""Disturbances of one OPC UA server that tests and trainers ask for: slow, disconnected, renumbered, bad quality."""

from typing import Protocol

from demo_line.measurement import Instruments, Quality
from demo_line.signals import DataType
from demo_line.training import Argument, Method

_LONGEST_S = 60.0


class Disturbed(Protocol):
    """What can be disturbed (`Cell`)."""

    def slow_down(self, seconds: float) -> None:
        """Let every answer wait."""

    def disconnect(self, seconds: float) -> None:
        """Drop all clients and let nobody in for a while."""

    def restart(self, namespace_padding: int) -> None:
        """Start anew with so many foreign namespaces before our own."""

    def shows(self, name: str) -> bool:
        """Whether an instrument is one of its own."""


class Disturbances:
    """Disturbs one cell.

    Args:
        cell: what is disturbed.
        instruments: of the line.
    """

    def __init__(self, cell: Disturbed, instruments: Instruments) -> None:
        self._cell = cell
        self._instruments = instruments

    def slow_down(self, seconds: float) -> tuple[()]:
        """Let every answer and every notification wait; 0 = as fast as usual."""
        self._cell.slow_down(_limited(seconds))
        return ()

    def disconnect(self, seconds: float) -> tuple[()]:
        """Drop all clients and let nobody in for some seconds."""
        self._cell.disconnect(_limited(seconds))
        return ()

    def restart(self, namespace_padding: int) -> tuple[()]:
        """Start the server anew, with so many foreign namespaces before ours: its index changes."""
        if not 0 <= namespace_padding <= 1000:
            raise ValueError(f"namespace padding {namespace_padding} is not between 0 and 1000")
        self._cell.restart(namespace_padding)
        return ()

    def set_quality(self, signal: str, quality: str) -> tuple[()]:
        """Let an instrument fail, be doubtful, or recover."""
        if not self._cell.shows(signal):
            raise ValueError(f"{signal!r} is not shown here; names look like MIX-10.level_pct")
        try:
            chosen = Quality(quality)
        except ValueError:
            raise ValueError(f"{quality!r} is no quality; qualities: {', '.join(Quality)}") from None
        self._instruments.set_status(signal, chosen)
        return ()

    def methods(self) -> tuple[Method, ...]:
        """All of this, described."""
        seconds = Argument("Seconds", DataType.DOUBLE, f"0 to {_LONGEST_S:g}")
        return (
            Method("SlowDown", "Let every answer wait; 0 = as usual", (seconds,), (), self.slow_down),
            Method("Disconnect", "Drop all clients and let nobody in for a while", (seconds,), (), self.disconnect),
            Method(
                "Restart", "Start anew with foreign namespaces before our own",
                (Argument("NamespacePadding", DataType.INT32, "How many, 0 to 1000"),), (), self.restart,
            ),
            Method(
                "SetQuality", "Let an instrument fail or recover",
                (
                    Argument("Signal", DataType.STRING, "e.g. MIX-10.level_pct"),
                    Argument("Quality", DataType.STRING, ", ".join(Quality)),
                ),
                (), self.set_quality,
            ),
        )  # fmt: skip


def _limited(seconds: float) -> float:
    if not 0.0 <= seconds <= _LONGEST_S:
        raise ValueError(f"{seconds:g} s is not between 0 and {_LONGEST_S:g}")
    return seconds
