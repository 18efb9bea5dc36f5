"""Grid lost."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="grid_outage",
    kind="grid_meter",
    title="Grid lost",
    part="grid",
    signs=(Sign("outage", "up", 4.0),),
    next_check="voltage at the grid meter",
    act="shed the tunnel first; restart in sequence",
)
