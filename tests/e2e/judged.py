"""The bottling line as analytics judges it: a machine worn, one as learnt, one unknown, one with a doubtful sensor."""

import time
from collections.abc import Sequence

from analytics.advisory import propose
from analytics.alarms import Alarm
from analytics.assessment import Assessment, Contribution, Diagnosis, Evidence, RemainingLife, SensorFinding
from analytics.config import TrainingSettings
from analytics.cycle import Cycle, Knowledge, PlantResult, UnitResult
from analytics.inputs import Past
from analytics.maintenance import load_maintenance
from analytics.own import Standing, own_metrics
from analytics.registry import Version
from analytics.results import RESULTS, Reported
from edge_agent.sparkplug.encoder import Declaration
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.properties import DESCRIPTION, HIGH, LOW, UNIT
from gateway.store.base import Series, SeriesKey
from gateway.view import LatestValue
from tests.gateway.plant import Plant, bottling_series

_FACTS = (
    Evidence(
        "envelope of the bearing at its outer race +0.9 g, 12.4 times its limit, since 07:10 UTC",
        supports=True,
        weight=4.0,
    ),
    Evidence("suction pressure as learnt", supports=False, weight=1.0),
)
_NS_PER_DAY = 86_400_000_000_000


def judged_series() -> list[Series]:
    """Series of the line and of what analytics says of it."""
    series = bottling_series()
    for declaration, _ in _said(time.time_ns(), learning=False):
        properties = declaration.properties
        low, high = (properties.get(key) for key in (LOW, HIGH))
        series.append(
            Series(
                len(series) + 1,
                SeriesKey("showroom", "analytics", declaration.device_id, declaration.metric),
                declaration.datatype,
                unit=str(properties.get(UNIT, "")),
                low=None if low is None else float(low),
                high=None if high is None else float(high),
                description=str(properties.get(DESCRIPTION, "")),
                origin=Origin.SIMULATED,
            )
        )
    return series


def say(plant: Plant, *, learning: bool = False) -> None:
    """Give the plant what analytics says now; what has no value yet is taken away."""
    now_ns = time.time_ns()
    by_name = {(one.key.device_id, one.key.metric): one for one in plant.known if one.key.edge_node_id == "analytics"}
    for declaration, reported in _said(now_ns, learning=learning):
        series = by_name[declaration.device_id, declaration.metric]
        if reported is None:
            plant.values.pop(series.number, None)
        else:
            value = reported.value if not isinstance(reported.value, bytes) else None
            plant.set(LatestValue(series, now_ns, value, reported.quality, Origin.SIMULATED, now_ns))


def _said(now_ns: int, *, learning: bool) -> Sequence[tuple[Declaration, Reported | None]]:
    result = _result(now_ns)
    standing = Standing(Knowledge.OK, "", Past(8.1), _version(now_ns), None, 0.2)
    if learning:
        reason = "learning, 12.0 of 30 days: 3 of 9 parts are imported"
        result = Cycle({}, load_maintenance()).silent(
            [unit.unit_id for unit in result.units], Knowledge.LEARNING, reason
        )
        standing = Standing(Knowledge.LEARNING, reason, Past(12.0))
    said: list[tuple[Declaration, Reported | None]] = [
        (metric.declaration(unit.unit_id, Origin.SIMULATED), metric.read(unit, now_ns))
        for unit in result.units
        for metric in RESULTS
    ]
    return [*said, *own_metrics(standing, result, TrainingSettings(), Origin.SIMULATED)]


def _result(now_ns: int) -> PlantResult:
    worn = Assessment(
        "MIX-10",
        now_ns,
        0.62,
        12.4,
        contributions=(Contribution("MIX-10.envelope", 0.93, 0.9, 0.0),),
        diagnoses=(
            Diagnosis("bearing_outer_race", "drive-end bearing 6205", 0.91, _FACTS, "envelope spectrum at two speeds"),
            Diagnosis("strainer_blocked", "suction strainer", 0.06),
        ),
        remaining_life=RemainingLife(60, 140, 300),
    )
    doubtful = SensorFinding("EL-92.a_voltage_v", "stuck", "231.2 V has not moved for 40 min")
    units = [
        worn,
        Assessment("MONO-30", now_ns, 0.98, 0.31),
        Assessment("CA-90", now_ns, None, None, reason="no values since 2026-11-22 07:10 UTC"),
        Assessment("EL-92", now_ns, 1.0, 0.1, sensors=(doubtful,)),
    ]
    limits = {name: Alarm(raised=True, acknowledged=False, raised_ns=now_ns) for name in ("anomaly", "sensor")}
    maintenance = load_maintenance()
    found: list[UnitResult] = []
    for one in units:
        known = Knowledge.OK if one.health_index is not None else Knowledge.UNKNOWN
        quantity = "sensor" if one.sensors else "anomaly"
        abnormal = bool(one.diagnoses or one.sensors)
        alarms = {quantity: limits[quantity] if abnormal else Alarm()}
        order = propose(one, maintenance, now_ns) if abnormal else None
        found.append(UnitResult(one.unit_id, known, one.reason, one, order, alarms))
    return PlantResult(found)


def _version(now_ns: int) -> Version:
    scores = {"known": 0.98, "alarmed": 0.001, "fitness": 0.98}
    return Version(
        now_ns - 3_600_000_000_000, now_ns - 7 * _NS_PER_DAY, now_ns, 10_080, (), scores, "0.1", "x", number=3
    )
