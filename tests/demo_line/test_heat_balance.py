"""One heat balance over the whole chain of the product, in the truth of a day: nothing warms or cools for nothing."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

from demo_line.line import Line, LineState, load_definition
from demo_line.physics.drink import CONCENTRATE_KJ_L_K, WATER_KJ_L_K
from demo_line.runs.simulation import DAY_S, Simulation, Solver

KJ_PER_KWH = 3600.0


@dataclass
class HeatBook:
    """Heat that enters and leaves the chain from blend water to filler, and what it stores, in kJ above 0 °C.

    At rest and in cleaning the plates give their heat to hall and cleaning; that is no part of the chain.

    Attributes:
        line: whose heat it is.
        came, went, stored: by what it came with, went with, and is stored in.
    """

    line: Line
    came: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    went: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    stored: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _before: dict[str, float] = field(default_factory=dict)

    def observe(self, state: LineState) -> None:
        """Enter one step."""
        now = _content(state.units)
        if self._before:
            self._enter(state, now)
        self._before = now

    def _enter(self, state: LineState, now: dict[str, float]) -> None:
        around, dt_s, before = state.around, state.around.dt_s, self._before
        mix, pas, tnk, chiller = (state.units[unit_id] for unit_id in ("MIX-10", "PAS-20", "TNK-25", "CH-91"))
        p: Any = self.line.parameters
        hall_degc, kj_l_k = around.supplies["ambient_degc"], mix.kj_l_k
        new = {name: now[name] - before[name] for name in now}
        self.came["blend water"] += new["water_l"] * WATER_KJ_L_K * around.supplies["water_degc"]
        self.came["concentrate"] += new["concentrate_l"] * CONCENTRATE_KJ_L_K * p["MIX-10"].concentrate_degc
        self.came["recovered heat"] += new["recovered_kj"]
        if mix.volume_l > 1.0:
            self.came["pump"] += mix.power_w * p["MIX-10"].pump_heat_share * dt_s / 1000.0
            self.went["losses"] += p["MIX-10"].tank_loss_w_k * (mix.blend_degc - hall_degc) * dt_s / 1000.0
        self.went["losses"] += p["TNK-25"].loss_w_k * (tnk.degc - hall_degc) * dt_s / 1000.0
        self.went["filler"] += new["drawn_l"] * kj_l_k * before["buffer_degc"]
        self.went["drain"] += kj_l_k * (new["mix_lost_l"] * mix.blend_degc + new["tnk_lost_l"] * tnk.degc)
        self.stored["tanks"] += new["tanks_kj"]
        # The cooler's heat goes into the chilled circuit; the chiller takes it out, with what hall and pump add there.
        self.went["chiller"] += new["cold_kj"]
        self.came["chilled circuit"] += new["gain_kj"]
        self.stored["chilled circuit"] += p["CH-91"].store_j_k / 1000.0 * (chiller.supply_degc - before["supply_degc"])
        if pas.through_l_h > 0.0:
            self.came["heater"] += pas.heater_w * dt_s / 1000.0
            self.went["losses"] += p["PAS-20"].loss_w_k * (pas.holding_degc - hall_degc) * dt_s / 1000.0
            self.went["drain"] += kj_l_k * new["pas_lost_l"] * pas.inlet_degc
            self.stored["plates"] += p["PAS-20"].thermal_mass_j_k / 1000.0 * new["holding_degc"] + new["balance_kj"]

    @property
    def turnover_kj(self) -> float:
        """All heat that came."""
        return sum(self.came.values())

    @property
    def missing_kj(self) -> float:
        """What came and neither went nor is stored."""
        return self.turnover_kj - sum(self.went.values()) - sum(self.stored.values())


def _content(units: dict[str, Any]) -> dict[str, float]:
    """Totals, temperatures and heat contents now."""
    mix, pas, tnk, chiller = (units[unit_id] for unit_id in ("MIX-10", "PAS-20", "TNK-25", "CH-91"))
    tanks_kj = mix.volume_l * mix.blend_degc + mix.parked_l * mix.parked_degc + tnk.volume_l * tnk.degc
    # What the buffer tank sends back arrives in the next step.
    tanks_kj += tnk.return_l * tnk.degc
    return {
        "water_l": mix.water_l, "concentrate_l": mix.concentrate_l, "recovered_kj": mix.recovered_kj,
        "drawn_l": tnk.drawn_l, "mix_lost_l": mix.lost_l, "pas_lost_l": pas.lost_l, "tnk_lost_l": tnk.lost_l,
        "buffer_degc": tnk.degc, "supply_degc": chiller.supply_degc, "holding_degc": pas.holding_degc,
        "cold_kj": chiller.cold_ws / 1000.0, "gain_kj": chiller.gain_ws / 1000.0,
        "tanks_kj": mix.kj_l_k * tanks_kj, "balance_kj": mix.kj_l_k * pas.content_l * pas.inlet_degc,
    }  # fmt: skip


@pytest.fixture(scope="module")
def book() -> HeatBook:
    line = Line(load_definition())
    kept = HeatBook(line)
    simulation = Simulation(line, 1, solver=Solver.COARSE)
    simulation.advance(DAY_S, kept.observe)
    return kept


def test_the_heat_of_the_whole_chain_closes_over_a_day(book: HeatBook) -> None:
    """Water, concentrate, recovered heat, heater and pumps are in the bottles, the chiller, losses, drains and tanks.

    The day holds production, changeovers, cleaning and the start of the next morning.
    """
    assert abs(book.missing_kj) < 0.005 * book.turnover_kj, (dict(book.came), dict(book.went), dict(book.stored))


def test_every_part_of_the_chain_takes_part(book: HeatBook) -> None:
    """The balance is about what the design says: heater 17 kW and chiller 49 kW at 1,500 L/h, in kilowatt-hours."""
    came, went = ({name: kj / KJ_PER_KWH for name, kj in part.items()} for part in (book.came, book.went))
    assert 180.0 < came["heater"] < 300.0
    assert 500.0 < went["chiller"] < 800.0
    assert came["recovered heat"] > 150.0
    assert came["blend water"] > 150.0
    assert 80.0 < went["filler"] < 160.0
    assert 3.0 < went["losses"] < 20.0
    assert went["drain"] > 1.0
