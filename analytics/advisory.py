"""Advisory generation (ISO 13374): from an assessment to a work-order proposal. Pure.

A proposal says what to do, when, what it costs to wait, and on what it rests. The chance of failing before an hour is
read from the quantiles of the remaining life (5, 50, 95 %), straight lines between them over the logarithm of time; no
remaining life, no claim on costs.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.assessment import Assessment, Diagnosis, RemainingLife
from analytics.maintenance import Maintenance, Stop, Work

SCHEMA = "showroom-advisory/1"
SENSOR = "sensor"
"""Mechanism of a proposal that is about an instrument."""
UNKNOWN = "unknown"
_NS_PER_H = 3_600_000_000_000
_MOST_EVIDENCE = 4
_SOON_H = 1e-3


@dataclass(frozen=True, slots=True)
class CostOfWaiting:
    """Expected cost of doing the work later than now.

    Attributes:
        until: name of what is waited for.
        hours: until then.
        chance: of failing before that, 0 to 1.
        cost: chance times what a surprise costs more than planned work.
    """

    until: str
    hours: float
    chance: float
    cost: float


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """A proposal; nothing is ordered by a machine.

    Attributes:
        unit_id, mechanism, part: what, and why.
        probability: of that mechanism, 0 to 1.
        title: one line for people.
        begin_ns, end_ns, stop: when to do it: the planned stop; both 0 and empty: now, no stop comes early enough.
        hours, people, lock_out, part_price, part_ready_h: what it takes.
        waiting: cost of waiting, soonest first; empty where the remaining life is not known.
        evidence: facts it rests on, the weightiest first.
        next_check: what to check before.
        assumptions: what the costs rest on, in words.
    """

    unit_id: str
    mechanism: str
    part: str
    probability: float
    title: str
    begin_ns: int
    end_ns: int
    stop: str
    hours: float
    people: int
    lock_out: bool
    part_price: float
    part_ready_h: float
    waiting: Sequence[CostOfWaiting]
    evidence: Sequence[str]
    next_check: str
    assumptions: Sequence[str]
    currency: str

    def to_json(self) -> str:
        """Return it as it is published and stored; `schema` names the form."""
        fields: dict[str, Any] = {"schema": SCHEMA}
        fields |= {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "waiting"}
        fields["probability"] = round(self.probability, 3)
        fields["waiting"] = [
            {"until": one.until, "hours": round(one.hours, 1), "chance": round(one.chance, 3), "cost": round(one.cost)}
            for one in self.waiting
        ]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def propose(assessment: Assessment, maintenance: Maintenance, now_ns: int) -> WorkOrder | None:
    """Return what to do about an abnormal unit; None where there is nothing to do.

    A sensor that is not to be believed comes first: what rests on it was not judged.
    """
    diagnosis = _cause(assessment)
    if diagnosis is None:
        return None
    work = maintenance.work_for(diagnosis.mechanism)
    life = assessment.remaining_life
    stops = maintenance.next_stops(now_ns)
    ready_h = 0.0 if work.in_stock else work.lead_time_h
    stop = _choose_stop(stops, work, life, ready_h, maintenance.acceptable_risk, now_ns)
    return WorkOrder(
        unit_id=assessment.unit_id,
        mechanism=diagnosis.mechanism,
        part=diagnosis.part,
        probability=diagnosis.probability,
        title=_title(assessment.unit_id, diagnosis, stop),
        begin_ns=0 if stop is None else stop.begin_ns,
        end_ns=0 if stop is None else stop.end_ns,
        stop="" if stop is None else stop.name,
        hours=work.hours,
        people=work.people,
        lock_out=work.lock_out,
        part_price=work.part_price,
        part_ready_h=ready_h,
        waiting=_waiting(stops, work, life, ready_h, maintenance, now_ns),
        evidence=_evidence(diagnosis),
        next_check=diagnosis.next_check or work.check,
        assumptions=_assumptions(work, maintenance),
        currency=maintenance.currency,
    )


def chance_of_failure(life: RemainingLife, hours: float) -> float:
    """Return the chance of failing within `hours`, from the quantiles; never below 0 nor above 1."""
    known = [(life.low_h, 0.05), (life.median_h, 0.5), (life.high_h, 0.95)]
    finite = [(max(at_h, _SOON_H), share) for at_h, share in known if math.isfinite(at_h)]
    if not finite or hours <= 0:
        return 0.0
    points = [(finite[0][0] / 4, 0.0), *finite]  # nothing is claimed below a quarter of the 5 % quantile
    at = np.maximum.accumulate(np.log([at_h for at_h, _ in points]))
    return float(np.interp(math.log(hours), at, [share for _, share in points]))


def _cause(assessment: Assessment) -> Diagnosis | None:
    if assessment.sensors:
        finding = assessment.sensors[0]
        signal = finding.signal.partition(".")[2] or finding.signal
        return Diagnosis(SENSOR, f"sensor {signal}", 1.0, (), f"{finding.kind}: {finding.text}")
    return assessment.diagnoses[0] if assessment.diagnoses else None


def _choose_stop(
    stops: Sequence[Stop], work: Work, life: RemainingLife | None, ready_h: float, risk: float, now_ns: int
) -> Stop | None:
    """Return the last stop whose risk is accepted; without a known life the first one; None: none comes in time."""
    fit = [
        stop
        for stop in stops
        if (stop.end_ns - max(stop.begin_ns, now_ns)) / _NS_PER_H >= work.hours
        and (stop.begin_ns - now_ns) / _NS_PER_H >= ready_h
    ]
    if life is None or not fit:
        return fit[0] if fit else None
    safe = [stop for stop in fit if chance_of_failure(life, _end_h(stop, work, now_ns)) <= risk]
    return safe[-1] if safe else None


def _end_h(stop: Stop, work: Work, now_ns: int) -> float:
    return max(0.0, (stop.begin_ns - now_ns) / _NS_PER_H) + work.hours


def _waiting(
    stops: Sequence[Stop],
    work: Work,
    life: RemainingLife | None,
    ready_h: float,
    maintenance: Maintenance,
    now_ns: int,
) -> list[CostOfWaiting]:
    if life is None:
        return []
    hours = work.hours * maintenance.surprise_factor + ready_h
    surprise = hours * maintenance.line_hour + work.hours * (maintenance.surprise_factor - 1) * maintenance.crew_hour
    found = []
    for stop in stops[:3]:
        until_h = _end_h(stop, work, now_ns)
        chance = chance_of_failure(life, until_h)
        found.append(CostOfWaiting(stop.name, until_h, chance, chance * surprise))
    return [*found, CostOfWaiting("failure", life.median_h, 1.0, surprise)] if math.isfinite(life.median_h) else found


def _title(unit_id: str, diagnosis: Diagnosis, stop: Stop | None) -> str:
    when = f"at the {stop.name}" if stop is not None else "now: no planned stop comes early enough"
    if diagnosis.mechanism == UNKNOWN:
        return f"Inspect {unit_id}: it is not as learnt, and no known cause fits; {when}"
    return f"{unit_id}: {diagnosis.part} ({diagnosis.mechanism.replace('_', ' ')}), {when}"


def _evidence(diagnosis: Diagnosis) -> list[str]:
    weighty = sorted(diagnosis.evidence, key=lambda one: -abs(one.weight))[:_MOST_EVIDENCE]
    return [("" if one.supports else "against: ") + one.text for one in weighty]


def _assumptions(work: Work, maintenance: Maintenance) -> list[str]:
    return [
        f"an hour of standstill costs {maintenance.line_hour:g} {maintenance.currency}",
        f"an unplanned repair takes {maintenance.surprise_factor:g} times the planned {work.hours:g} h",
        "the part is in stock" if work.in_stock else f"the part takes {work.lead_time_h:g} h to come",
    ]
