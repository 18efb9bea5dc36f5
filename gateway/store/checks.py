"""What no store takes, found before a store is asked."""

from dataclasses import replace

import numpy as np

from gateway.store.base import DeclaredGap, Kind, RejectedSamples, Samples

LAST_NS = 9_000_000_000_000_000_000
"""Times beyond this (year 2255, and as far before 1970) leave no room for arithmetic with 64 bits."""
_MAX_INT64 = 2**63 - 1


def split_storable(samples: Samples) -> tuple[Samples, list[RejectedSamples]]:
    """Split into rows a store can keep, and the others with the reason.

    A value that is not a finite number must have been turned into a quality before it comes here; one that slips
    through is never stored as a number.
    """
    not_finite = (samples.kind == Kind.FLOAT) & ~np.isfinite(samples.number)
    unknown = samples.kind > max(Kind)
    no_time = np.abs(samples.time_ns) > LAST_NS
    no_time |= samples.time_ns == np.iinfo(np.int64).min  # its own absolute value
    no_text = np.zeros(len(samples), np.bool_)
    for row in np.flatnonzero(samples.kind == Kind.TEXT).tolist():
        no_text[row] = samples.text is None or samples.text[row] is None
    rejected = [
        RejectedSamples(samples.take(rows), reason)
        for rows, reason in (
            (not_finite, "the value is not a finite number"),
            (unknown, "the kind of value is unknown"),
            (no_time, "the time is outside of the years 1684 to 2255"),
            (no_text, "a row of kind TEXT has no text"),
        )
        if rows.any()
    ]
    return (samples.take(~(not_finite | unknown | no_time | no_text)), rejected) if rejected else (samples, [])


def first_of_each(samples: Samples) -> Samples:
    """Leave out every row whose (series, time) an earlier row has."""
    if len(samples) < 2:
        return samples
    order = np.lexsort((samples.time_ns, samples.series))
    series, time_ns = samples.series[order], samples.time_ns[order]
    repeated = np.zeros(len(samples), np.bool_)
    repeated[order[1:]] = (series[1:] == series[:-1]) & (time_ns[1:] == time_ns[:-1])
    return samples.take(~repeated) if repeated.any() else samples


def bounded_gap(declared: DeclaredGap) -> DeclaredGap:
    """Cut the numbers of a gap to 64 bits: they come from JSON, which knows no bounds."""
    gap = declared.gap
    return replace(
        declared,
        gap=replace(
            gap,
            from_ns=max(-_MAX_INT64, min(gap.from_ns, _MAX_INT64)),
            to_ns=max(-_MAX_INT64, min(gap.to_ns, _MAX_INT64)),
            count=None if gap.count is None else max(0, min(gap.count, _MAX_INT64)),
        ),
    )
