"""The machines file: the shipped line is consistent, and a wrong file is refused with place and remedy."""

from pathlib import Path

import pytest

from analytics.diagnosis import all_mechanisms, mechanisms_of
from analytics.errors import UnusableInputError
from analytics.machines import load_machines, shipped

_FILE = """
title = "One fan"
[contexts]
running = { equals = { "F-1.state_current" = 6 } }
[[machines]]
id = "F-1"
kind = "fan"
title = "Fan"
[[machines.indicators]]
name = "power"
title = "power, W"
signal = "F-1.power_w"
when = "running"
tolerance = 10
"""


def test_a_machine_is_added_by_one_block(tmp_path: Path) -> None:
    """A file of a few lines describes a plant."""
    path = tmp_path / "plant.toml"
    path.write_text(_FILE, encoding="utf-8")
    assert load_machines(path).signals() == ["F-1.state_current", "F-1.power_w"]


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ('when = "running"', 'when = "flying"', "flying"),
        ("tolerance = 10", "tolerance = -1", "tolerance"),
        ('signal = "F-1.power_w"', "", "signal"),
        ('title = "Fan"', 'title = "Fan"\ncolour = "red"', "colour"),
        ("[contexts]", "[contexts", "TOML|Expected"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, wrong: str, right: str, told: str) -> None:
    """What is wrong is named, with the file."""
    path = tmp_path / "plant.toml"
    path.write_text(_FILE.replace(wrong, right, 1), encoding="utf-8")
    with pytest.raises(UnusableInputError, match=told) as caught:
        load_machines(path)
    assert str(path) in str(caught.value)


def test_every_rule_fits_a_machine_of_the_shipped_line() -> None:
    """A rule names indicators, a part and a damage indicator that a machine of its kind has."""
    for mechanism in all_mechanisms():
        machines = [each for each in shipped().machines if each.kind == mechanism.kind]
        assert machines, mechanism.key
        for machine in machines:
            names = {each.name for each in machine.indicators}
            assert {sign.indicator for sign in mechanism.signs} <= names, mechanism.key
            assert mechanism.part in ("", *machine.parts), mechanism.key
            growth = mechanism.growth
            if growth is not None and not growth.indicator.endswith("_any"):
                follower = next(each for each in machine.indicators if each.name == growth.indicator)
                assert follower.failure is not None, mechanism.key


def test_every_alarming_machine_has_rules() -> None:
    """A unit that can give an alarm has at least one cause to name."""
    for machine in shipped().machines:
        if any(each.alarm for each in machine.indicators):
            assert mechanisms_of(machine.kind), machine.id
