"""Decoder of waveform blocks: base64 of samples in a JSON message becomes one value of type Bytes. Pure."""

import base64
import binascii
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from edge_agent.report import ReportRule
from edge_agent.sources.config import MqttWaveformConfig
from edge_agent.sources.mqtt.values import Item, MalformedError, parse_json, parse_time, resolve
from edge_agent.sparkplug.payload import PayloadError
from edge_agent.sparkplug.waveform import encode

_EVERY_BLOCK = ReportRule()
_TYPES = {"int16": "h", "float32": "f"}


class WaveformDecoder:
    """The blocks of one topic."""

    def __init__(self, config: MqttWaveformConfig) -> None:
        self._config = config

    @property
    def device(self) -> str:
        """Return the configured device."""
        return self._config.device

    def topics(self) -> Sequence[str]:
        """Return the configured topic."""
        return (self._config.topic,)

    def rule(self, metric: str) -> ReportRule:  # noqa: ARG002 - one rule for its one metric
        """Return the rule that reports everything."""
        return _EVERY_BLOCK

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield the block of a message; raises MalformedError."""
        config = self._config
        document = parse_json(payload)
        try:
            text, rate_hz = resolve(document, config.samples), resolve(document, config.rate)
            scale = 1.0 if config.scale is None else resolve(document, config.scale)
            time_ns = None if config.time is None else parse_time(resolve(document, config.time), config.time_unit)
        except KeyError as error:
            raise MalformedError(f"there is nothing at {error.args[0]}") from None
        numbers = _samples(text, _TYPES[config.encoding])
        try:
            block = encode(_number(rate_hz, config.rate), _scaled(numbers, _number(scale, config.scale or "")))
        except PayloadError as error:
            raise MalformedError(str(error)) from None
        yield Item(f"{topic}#{config.samples}", config.metric, block, time_ns, config.unit, config.description)


def _number(value: Any, pointer: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"{value!r} at {pointer} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise MalformedError(f"the number at {pointer} is too large") from None


def _samples(text: Any, typecode: str) -> "array[int] | array[float]":
    if not isinstance(text, str):
        raise MalformedError("the samples are not text")
    numbers: array[int] | array[float] = array(typecode)
    try:
        numbers.frombytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"the samples are not base64 of whole numbers: {error}") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _scaled(numbers: "array[int] | array[float]", scale: float) -> Iterator[float]:
    return (number * scale for number in numbers)
