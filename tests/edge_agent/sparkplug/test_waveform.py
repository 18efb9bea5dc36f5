"""Waveform blocks: what travels is what was measured, and nothing else is taken for one."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sparkplug.payload import MAX_MESSAGE_BYTES, PayloadError
from edge_agent.sparkplug.waveform import MAX_SAMPLES, decode, encode

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(SINGLES, min_size=1, max_size=50), st.floats(min_value=1e-3, max_value=1e6))
def test_a_block_comes_back_as_it_was(samples: list[float], rate_hz: float) -> None:
    """Rate and every sample survive exactly."""
    found = decode(encode(rate_hz, samples))
    assert (found.rate_hz, found.count) == (rate_hz, len(samples))
    assert array("f", found.samples).tolist() == samples


def test_the_form_on_the_wire_is_fixed() -> None:
    """A block means the same to every reader for ever: magic, count, rate, samples, little-endian."""
    assert encode(12_800.0, [1.0, -2.0]).hex() == "5346573102000000000000000000c9400000803f000000c0"


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_by_name(content: bytes) -> None:
    """Whatever is no block is refused with a PayloadError and nothing else."""
    with pytest.raises(PayloadError):
        decode(content)
    with pytest.raises(PayloadError):
        decode(b"SFW1" + content)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.inf, math.nan])
def test_impossible_rates_are_refused(rate_hz: float) -> None:
    """There is no waveform without a rate."""
    with pytest.raises(PayloadError, match="samples a second"):
        encode(rate_hz, [1.0])


@pytest.mark.parametrize("samples", [[], [math.nan], [math.inf], [1e300], [0.0] * (MAX_SAMPLES + 1)])
def test_impossible_samples_are_refused(samples: list[float]) -> None:
    """No samples, too many of them, or one that is not finite."""
    with pytest.raises(PayloadError, match="waveform"):
        encode(1.0, samples)


def test_the_longest_block_fits_a_message() -> None:
    """A block is never refused for its size by the edge that made it."""
    assert len(encode(1.0, [0.0] * MAX_SAMPLES)) < MAX_MESSAGE_BYTES - 10_000
