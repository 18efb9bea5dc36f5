"""The energy figures of the whole line: full load, its split, energy for a thousand bottles."""

from collections import defaultdict

import pytest

from demo_line.line import Line, LineDefinition, LineState, load_definition
from demo_line.packml import State
from demo_line.plan import Phase

# A summer day at which the chiller is rated, and the leaks that the energy figures include.
DESIGN = {
    "SITE-00": {"mean_degc": 35.0, "season_k": 0.0, "day_k": 0.0, "weather_k": 0.0},
    "CA-90": {"leaks_m3_min": 0.40},
}
SPLIT_KW = {
    "CA-90": 13.9, "CH-91": 17.9, "PAS-20 heater": 17.9, "pumps": 4.0, "MONO-30": 7.0, "QC-40 and LAB-50": 2.5,
    "SHR-60": 14.0, "PAL-70": 4.5, "conveyors": 3.0, "EL-92": 6.0,
}  # fmt: skip


def design_line(speed_share: float) -> LineDefinition:
    """Shipped line on a rated day, with every recipe at one speed."""
    definition = load_definition()
    parameters = {**definition.parameters}
    for unit_id, values in DESIGN.items():
        parameters[unit_id] = {**parameters.get(unit_id, {}), **values}
    recipes = tuple(recipe.model_copy(update={"speed_share": speed_share}) for recipe in definition.recipes)
    return definition.model_copy(update={"parameters": parameters, "recipes": recipes})


def settled(line: Line) -> LineState:
    """Line after an hour of production, in coarse steps."""
    state = line.start(1)
    for _ in range(60):
        line.step(state, 60.0)
    return state


def executing(line: Line, state: LineState) -> bool:
    """Whether every unit that works in production is in EXECUTE."""
    return all(
        unit.machine is None or unit_id == "CIP-93" or unit.machine(state.units[unit_id]).state is State.EXECUTE
        for unit_id, unit in line.units.items()
    )


def split(state: LineState) -> dict[str, float]:
    """Power of the consumers as the design lists them, in kilowatts."""
    watts = state.around.power_w
    heater_w = state.units["PAS-20"].heater_w
    groups = {
        "PAS-20 heater": heater_w,
        "pumps": watts["MIX-10"] + watts["PAS-20"] - heater_w + watts["WAT-94"],
        "QC-40 and LAB-50": watts["QC-40"] + watts["LAB-50"],
        "conveyors": sum(watts[f"CNV-{number}"] for number in range(1, 5)),
    }
    return {name: groups.get(name, watts.get(name, 0.0)) / 1000.0 for name in SPLIT_KW}


def test_full_load_is_90_7_kw() -> None:
    """With everything in EXECUTE at rated speed the line takes 90.7 kW, split as designed."""
    line = Line(design_line(1.0))
    state = settled(line)
    loads: list[float] = []
    sums: dict[str, float] = defaultdict(float)
    for _ in range(2400):
        line.step(state, 1.0)
        if executing(line, state):
            loads.append(state.power_w)
            for name, kilowatts in split(state).items():
                sums[name] += kilowatts
    assert len(loads) > 600
    means = {name: round(total / len(loads), 1) for name, total in sums.items()}
    print(f"full load {sum(loads) / len(loads) / 1000.0:.1f} kW: {means}")
    assert sum(loads) / len(loads) == pytest.approx(90_700, rel=0.1)
    for name, kilowatts in SPLIT_KW.items():
        assert means[name] == pytest.approx(kilowatts, rel=0.2), name


def test_a_thousand_bottles_take_36_kwh_at_85_percent_speed() -> None:
    """In production at the usual speed, minor stops included."""
    line = Line(design_line(0.85))
    state = settled(line)
    energy_ws, bottles = 0.0, 0
    for _ in range(600):
        line.step(state, 60.0)
        if state.around.plan.phase is Phase.PRODUCTION:
            energy_ws += state.power_w * 60.0
            bottles += state.around.moved["PAL-70"]
    kwh = energy_ws / 3.6e6 / bottles * 1000.0
    print(f"{kwh:.1f} kWh per 1,000 bottles")
    assert kwh == pytest.approx(36.0, rel=0.1)


def test_the_split_of_the_energy_adds_up_to_the_meter() -> None:
    """The units' true energies of a day are what the main board measured, whatever the source was."""
    line = Line(load_definition())
    state = line.start(3)
    line.add_fault(state, "power_cut", 5 * 3600.0)
    for _ in range(1440):
        line.step(state, 60.0)
    board = state.units["EL-92"]
    assert board.generator_ws > 0.0
    assert sum(state.energy_ws.values()) == pytest.approx(board.load_ws, rel=1e-9)
    assert board.import_ws + board.pv_ws + board.generator_ws == pytest.approx(
        board.load_ws + board.export_ws, rel=1e-9
    )


@pytest.mark.parametrize("sheds", [True, False])
def test_in_an_outage_the_generator_carries_the_line_without_its_tunnel(sheds: bool) -> None:
    """E4 on the whole line: shed, it runs through; not shed, it trips on the load of production."""
    definition = design_line(1.0)
    line = Line(
        definition.model_copy(
            update={
                "parameters": {**definition.parameters, "EL-92": {"automatic_shedding": sheds, "outage_spread": 0.0}}
            }
        )
    )
    state = settled(line)
    line.add_fault(state, "power_cut", state.elapsed_s)
    board, highest_w = state.units["EL-92"], 0.0
    for _ in range(900):
        line.step(state, 1.0)
        highest_w = max(highest_w, board.generator_w)
    assert (board.trips == 0) is sheds
    assert (highest_w <= 80_000) is sheds
