"""Compressor left on outside production."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="compressor_left_on",
    kind="compressor",
    title="Compressor left on outside production",
    part="schedule",
    signs=(Sign("off", "up", 4.0),),
    next_check="who switches it off, and when",
    act="apply the shutdown schedule",
)
