"""Times as the API takes and gives them: ISO 8601 text or nanoseconds since 1970, always UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_NS = 2**63 - 1

_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<clock>\d\d:\d\d:)(?P<second>\d\d)(?:\.(?P<fraction>\d{1,12}))?"
    r"(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))"
)


def parse_time(text: str) -> int:
    """Return nanoseconds since 1970 from ISO 8601 text with a zone, or from digits that are nanoseconds already.

    Times outside of 1970..2262 become the nearest time that 64 bits hold, because a window may begin "long ago".

    Raises:
        ValueError: neither of the two forms; the text says what was expected.
    """
    if re.fullmatch(r"-?[0-9]{1,20}", text):
        return min(max(int(text), 0), MAX_NS)
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(
            "expected ISO 8601 with a zone (2026-11-22T08:00:00Z) or nanoseconds since 1970 (1795334400000000000)"
        )
    second = int(match["second"])
    if second > 60:
        raise ValueError(f"second {second} does not exist")
    # 60 is a leap second (RFC 3339 section 5.6), which datetime does not know.
    moment = datetime.fromisoformat(f"{match['date']}T{match['clock']}{min(second, 59):02d}").replace(
        tzinfo=_zone(match)
    )
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    fraction_ns = int((match["fraction"] or "0").ljust(9, "0")[:9])
    nanoseconds = (whole.days * 86_400 + whole.seconds + (second == 60)) * 1_000_000_000 + fraction_ns
    return min(max(nanoseconds, 0), MAX_NS)


def _zone(match: re.Match[str]) -> timezone:
    if match["utc"]:
        return UTC
    hours, minutes = int(match["hours"]), int(match["minutes"])
    if hours > 23 or minutes > 59:
        raise ValueError(f"offset {match['sign']}{hours:02d}:{minutes:02d} does not exist")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if match["sign"] == "-" else offset)


def format_time(time_ns: int) -> str:
    """Return ISO 8601 text in UTC with nine decimals, so that nothing of a time is lost."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _validate(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        # A plus sign arrives as a blank where the caller did not percent-encode it.
        return parse_time(re.sub(r" (\d\d:\d\d)$", r"+\1", value))
    except ValueError as error:
        raise PydanticCustomError("time", "{reason}", {"reason": str(error)}) from None


TimeNs = Annotated[
    int,
    BeforeValidator(_validate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer"},  # without bounds: what lies beyond 64 bits counts as the nearest time within
            ]
        }
    ),
]
"""Query parameter: ISO 8601 text with a zone, or nanoseconds since 1970; the route gets nanoseconds."""
