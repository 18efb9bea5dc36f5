"""A block of a waveform as the value of a Sparkplug metric of type Bytes: what travels between our edges and hosts.

Sixteen bytes, then the samples: `SFW1`, number of samples (UInt32), samples a second (Double), samples (Float), all of
them little-endian. The unit stands in the metric's birth, its time is that of the first sample.
"""

import math
import struct
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.sparkplug.payload import PayloadError

MAX_SAMPLES = 120_000
"""Longest block: with its 480 kB it still fits a message (payload.MAX_MESSAGE_BYTES)."""
_MAGIC = b"SFW1"
_HEADER = struct.Struct("<4sId")
_SAMPLE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Waveform:
    """Samples at a constant rate.

    Attributes:
        rate_hz: samples a second.
        samples: 32-bit floating point numbers, little-endian, one after the other.
    """

    rate_hz: float
    samples: bytes

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.samples) // _SAMPLE_BYTES


def encode(rate_hz: float, samples: Iterable[float]) -> bytes:
    """Return the block; raises PayloadError for no samples, too many, one that is not finite, or an impossible rate."""
    values = array("f", samples)
    _check(rate_hz, len(values))
    if not math.isfinite(sum(values)):
        raise PayloadError("waveform: a sample is not a finite number of 32 bits")
    if sys.byteorder == "big":
        values.byteswap()
    return _HEADER.pack(_MAGIC, len(values), rate_hz) + values.tobytes()


def decode(block: bytes) -> Waveform:
    """Return what a block holds; raises PayloadError where it is none."""
    if len(block) < _HEADER.size or not block.startswith(_MAGIC):
        raise PayloadError("values of type Bytes and File are stored only where they are waveform blocks")
    _, count, rate_hz = _HEADER.unpack_from(block)
    _check(rate_hz, count)
    if len(block) != _HEADER.size + _SAMPLE_BYTES * count:
        raise PayloadError(f"waveform: {len(block)} bytes do not hold {count} samples")
    return Waveform(rate_hz, block[_HEADER.size :])


def _check(rate_hz: float, count: int) -> None:
    if not 0 < count <= MAX_SAMPLES:
        raise PayloadError(f"waveform: {count} samples, expected 1 to {MAX_SAMPLES}")
    if not (math.isfinite(rate_hz) and rate_hz > 0.0):
        raise PayloadError(f"waveform: {rate_hz!r} samples a second, expected a finite number above 0")
