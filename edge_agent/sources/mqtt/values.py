"""Values and times out of JSON documents and plain text, and matching of topics. Pure."""

import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from edge_agent.sources.config import TimeUnit
from edge_agent.sparkplug.metric import DataType, Value

_TRUE, _FALSE = {"true", "on", "1"}, {"false", "off", "0"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_NS = 2**63 - 1
_MAX_DOUBLE = 10**308


class MalformedError(ValueError):
    """A message, or one value in it, cannot be read; the text says what is wrong with it."""


class Item(NamedTuple):
    """One value found in a message.

    Attributes:
        address: `<topic>#<JSON pointer>`, or the topic alone where the whole payload is the value.
        metric: name of the metric, where the tag is not declared yet.
        value: value; None is a null of the device.
        time_ns: own time, UTC nanoseconds since 1970; None where the message has none.
        unit: engineering unit that the decoder knows; empty otherwise.
        description: one line for people; empty where the decoder knows none.
    """

    address: str
    metric: str
    value: Value
    time_ns: int | None
    unit: str = ""
    description: str = ""


def parse_json(payload: bytes) -> Any:
    """Parse JSON strictly: NaN and Infinity, which are not JSON, are refused. Raises MalformedError."""
    try:
        document = json.loads(payload, parse_constant=_refuse_constant)
        if b"\\u" in payload:
            json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from None
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def resolve(document: Any, pointer: str) -> Any:
    """Follow a JSON pointer (RFC 6901); raises KeyError where it leads nowhere."""
    current = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(current, dict):
            current = current[key]
        elif isinstance(current, list) and key.isdecimal() and int(key) < len(current):
            current = current[int(key)]
        else:
            raise KeyError(pointer)
    return current


def escape(key: str) -> str:
    """Write an object key as an element of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def leaves(
    document: Any, pointer: str = "", depth: int = 8, longest_list: int = 0
) -> Iterator[tuple[str, tuple[str, ...], Value]]:
    """Yield (pointer, keys, value) of every scalar below an object; lists with more than `longest_list` are left out.

    The keys of an element of a list end with its number.
    """
    if not isinstance(document, dict):
        raise MalformedError(f"{pointer or 'the message'} is not a JSON object")
    for key, value in document.items():
        here = f"{pointer}/{escape(key)}"
        if isinstance(value, dict):
            if depth > 1:
                yield from ((p, (key, *keys), v) for p, keys, v in leaves(value, here, depth - 1, longest_list))
        elif not isinstance(value, list):
            yield here, (key,), _scalar(value)
        elif len(value) <= longest_list:
            scalars = ((i, item) for i, item in enumerate(value) if not isinstance(item, dict | list))
            yield from ((f"{here}/{i}", (key, str(i)), _scalar(item)) for i, item in scalars)


def _scalar(value: Any) -> Value:
    """JSON has one type of numbers, so that 5 and 5.5 of one key are of one type: double."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < _MAX_DOUBLE else None
    return value  # type: ignore[no-any-return]  # JSON has no other scalars


def parse_time(value: Any, unit: TimeUnit, offset_h: float | None = None) -> int:
    """Return UTC nanoseconds since 1970; raises MalformedError.

    Numbers with a fraction are exact to the microsecond, which is what a double can hold today. ISO text needs a zone,
    or `offset_h` (hours east of UTC) that stands in for it.
    """
    if unit == "iso":
        time_ns = _parse_iso(value, offset_h)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"time {value!r} is not a number")
    elif not abs(value) <= _MAX_NS:  # NaN, infinities and what becomes one in the units below
        time_ns = -1
    elif isinstance(value, int):
        time_ns = value * {"s": 10**9, "ms": 10**6, "ns": 1}[unit]
    else:
        time_ns = round(value * {"s": 1e6, "ms": 1e3, "ns": 1e-3}[unit]) * 1000
    if not 0 <= time_ns <= _MAX_NS:
        raise MalformedError(f"time {value!r} in {unit} lies outside of 1970 to 2262: check time_unit")
    return time_ns


def _parse_iso(value: Any, offset_h: float | None) -> int:
    if not isinstance(value, str):
        raise MalformedError(f"time {value!r} is not ISO 8601 text")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise MalformedError(f"time {value!r} is not ISO 8601") from None
    if moment.tzinfo is None:
        if offset_h is None:
            raise MalformedError(f"time {value!r} has no time zone")
        moment = moment.replace(tzinfo=timezone(timedelta(hours=offset_h)))
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def plain_value(payload: bytes) -> Value:
    """Read a payload that is one value: number, `true`/`false`, `on`/`off`, otherwise the text itself."""
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise MalformedError("the payload is not UTF-8 text") from None
    if text.lower() in _TRUE - {"1"} or text.lower() in _FALSE - {"0"}:
        return text.lower() in _TRUE
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else None


def convert(value: Any, datatype: DataType) -> Value:
    """Turn a value into the type a tag is configured to have; None stays None. Raises MalformedError.

    Text such as "12.3" becomes a number here, because the configuration says that it is one.
    """
    try:
        return _convert(value, datatype)
    except (ValueError, TypeError, OverflowError):
        raise MalformedError(f"{value!r} is not a {datatype.name.lower()}") from None


def _convert(value: Any, datatype: DataType) -> Value:
    if value is None:
        return None
    if isinstance(value, dict | list):
        raise TypeError
    if datatype is DataType.BOOLEAN:
        word = str(int(value) if isinstance(value, float) else value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError
        return word in _TRUE
    if datatype is DataType.STRING:
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, bool):
        raise TypeError
    if datatype is DataType.INT64:
        number = int(value)
        if not -(2**63) <= number < 2**63 or (isinstance(value, float) and number != value):
            raise ValueError
        return number
    result = float(value)
    return result if math.isfinite(result) else None


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a filter with `+` and `#` (MQTT 3.1.1, 4.7) covers a topic, or another filter."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    for index, part in enumerate(wanted):
        if part == "#":
            return True
        if index >= len(given) or (part != given[index] and (part != "+" or given[index] == "#")):
            return False
    return len(wanted) == len(given)


def widest(topic_filters: Iterable[str]) -> list[str]:
    """Leave out filters that another one covers, because brokers may deliver a message once per matching filter."""
    unique = sorted(set(topic_filters))
    return [one for one in unique if not any(other != one and matches(other, one) for other in unique)]
