"""The window of time that a request asks for."""

from gateway.api.problems import ProblemError
from gateway.api.settings import MAX_SPAN_NS
from gateway.api.times import format_time


def window(start_ns: int | None, end_ns: int | None, now_ns: int, *, default_s: int) -> tuple[int, int]:
    """Return begin and end; an absent end is now, an absent begin is `default_s` before the end.

    Raises:
        ProblemError: 422 where the window is empty or longer than MAX_SPAN_NS.
    """
    end = now_ns if end_ns is None else end_ns
    start = max(0, end - default_s * 1_000_000_000) if start_ns is None else start_ns
    if start >= end:
        raise ProblemError(
            422,
            "empty-window",
            f"start {format_time(start)} does not lie before end {format_time(end)}",
            title="Empty window",
            remedy="give a start before the end; without an end it is now",
        )
    if end - start > MAX_SPAN_NS:
        raise ProblemError(
            422,
            "window-too-long",
            f"the window spans {(end - start) / 86_400e9:,.0f} days",
            title="Window too long",
            remedy=f"ask for at most {MAX_SPAN_NS / 86_400e9:,.0f} days at a time",
        )
    return start, end
