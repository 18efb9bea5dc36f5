"""Rules of diagnosis: each is recognised from its own signs, twins stay open where nothing separates them."""

from math import nan

import pytest

from analytics.diagnosis import Mechanism, Observation, all_mechanisms, diagnose, mechanisms_of
from analytics.machines import Machine, shipped


def _machine(kind: str) -> Machine:
    return next(each for each in shipped().machines if each.kind == kind)


def _shown(mechanism: Mechanism, strength: float) -> dict[str, Observation]:
    """What the indicators show when a mechanism is all there is; of places it takes the first."""
    seen = {each.name: 0.0 for each in _machine(mechanism.kind).indicators}
    groups: set[str] = set()
    for sign in mechanism.signs:
        if sign.moves == "still" or (sign.group and sign.group in groups):
            continue
        groups.add(sign.group)
        seen[sign.indicator] = strength if sign.moves == "up" else -strength
    return {name: Observation(score, score, name) for name, score in seen.items()}


@pytest.mark.parametrize("mechanism", all_mechanisms(), ids=lambda each: each.key)
def test_each_mechanism_is_recognised_by_its_signs(mechanism: Mechanism) -> None:
    """Fully grown, a mechanism is the most probable cause, with evidence for it and a next check."""
    found = diagnose(_machine(mechanism.kind), mechanisms_of(mechanism.kind), _shown(mechanism, 5.0))
    assert found[0].mechanism == mechanism.key
    assert found[0].probability > 0.6
    assert found[0].evidence[0].supports
    assert found[0].next_check
    assert sum(each.probability for each in found) == pytest.approx(1.0)


def test_what_fits_nothing_is_unknown() -> None:
    """Signs that contradict every rule give `unknown`."""
    machine = _machine("conveyor")
    seen = {each.name: Observation(-5.0, -5.0, each.name) for each in machine.indicators}
    assert diagnose(machine, mechanisms_of("conveyor"), seen)[0].mechanism == "unknown"


def test_twins_stay_open_while_what_separates_them_is_unknown() -> None:
    """Without regeneration and heater nobody knows which holding sensor lies: both stay, close together."""
    machine = _machine("pasteuriser")
    seen = {each.name: Observation(nan, nan, each.name) for each in machine.indicators}
    seen["twin"] = Observation(8.0, 1.2, "A less B, K")
    shares = {each.mechanism: each.probability for each in diagnose(machine, mechanisms_of("pasteuriser"), seen)}
    assert shares["holding_sensor_a_high"] == pytest.approx(shares["holding_sensor_b_low"], rel=0.2)
    assert shares["holding_sensor_a_high"] > 0.3
