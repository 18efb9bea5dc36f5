"""Quality codes carried by metrics and stored samples."""

from enum import IntEnum


class Quality(IntEnum):
    """Quality of one value.

    BAD, GOOD and STALE are the codes of Sparkplug B 3.0, chapter 6.4.11 ("Quality" property). UNCERTAIN extends them
    for OPC UA status codes of severity Uncertain (OPC 10000-4, 7.39); 64 is the OPC DA code that common hosts show.
    A value of quality BAD or STALE is null: a number that must not be believed is never handed on as a number.
    """

    BAD = 0
    UNCERTAIN = 64
    GOOD = 192
    STALE = 500
