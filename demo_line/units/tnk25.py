"""TNK-25: insulated tank of chilled product between pasteuriser and filler, five minutes each way.

Its level steers the pasteuriser's flow. Before a changeover or a cleaning it is emptied back to MIX-10's return tank;
its heel is lost.
"""

from dataclasses import dataclass

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, advance
from demo_line.plan import Phase, enters
from demo_line.signals import Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType, approach

_EMPTIED = frozenset({Phase.CHANGEOVER, Phase.CLEANING})


class Tnk25Parameters(Parameters):
    """Design values of the tank."""

    tank_l: float = Field(default=250.0, gt=0)
    start_pct: float = Field(default=50.0, ge=0, le=100)
    sump_l: float = Field(default=4.0, ge=0, description="what the filler cannot draw")
    heel_l: float = Field(default=6.0, ge=0, description="lost at every emptying")
    late_interface_l: float = Field(default=60.0, ge=0, description="more of it when the interface is switched late")
    return_l_h: float = Field(default=3600.0, gt=0)
    loss_w_k: float = Field(default=3.0, ge=0, description="through the insulation")


@dataclass(slots=True)
class Tnk25State:
    """State of TNK-25.

    Attributes:
        packml: its state machine.
        volume_l, degc: content and its temperature.
        level_pct: as the sensor sees it.
        phase: of the last step.
        emptying: whether it runs back to the return tank.
        return_l: sent back in this step; it arrives in the next one.
        under_heated_share: of the content that never was at the critical limit.
        received_l, drawn_l, returned_l, lost_l, under_heated_l: totals since the start; the last one has been drawn.
    """

    packml: Machine
    volume_l: float
    degc: float
    level_pct: float
    phase: Phase = Phase.PRODUCTION
    emptying: bool = False
    return_l: float = 0.0
    under_heated_share: float = 0.0
    received_l: float = 0.0
    drawn_l: float = 0.0
    returned_l: float = 0.0
    lost_l: float = 0.0
    under_heated_l: float = 0.0


def _initial(p: Tnk25Parameters) -> Tnk25State:
    return Tnk25State(Machine(), p.start_pct / 100.0 * p.tank_l, 6.0, p.start_pct)


def _step(p: Tnk25Parameters, s: Tnk25State, around: Surroundings, _draws: Draws) -> None:
    dt_s, supplies, phase = around.dt_s, around.supplies, around.plan.phase
    if enters(s, phase):
        s.emptying = phase in _EMPTIED
    drawn_l = min(supplies["filler_intake_l"], s.volume_l)
    if drawn_l > 0.0:
        s.drawn_l += drawn_l
        s.under_heated_l += drawn_l * s.under_heated_share
        s.volume_l -= drawn_l
    received_l = supplies["pasteurised_flow_l_h"] * dt_s / 3600.0
    if received_l > 0.0:
        new = received_l / (s.volume_l + received_l)
        s.degc += new * (supplies["pasteurised_degc"] - s.degc)
        s.under_heated_share += new * (supplies["under_heated_share"] - s.under_heated_share)
        s.volume_l += received_l
        s.received_l += received_l
    s.return_l = 0.0
    if s.emptying:
        _empty(p, s, around)
    capacity_j_k = (s.volume_l + 10.0) * 1000.0 * supplies["blend_kj_l_k"]
    s.degc = approach(s.degc, supplies["ambient_degc"], dt_s, capacity_j_k / p.loss_w_k)
    s.level_pct = s.volume_l / p.tank_l * 100.0
    advance(s.packml, dt_s, run=around.plan.run)
    _supply(p, s, supplies)


def _empty(p: Tnk25Parameters, s: Tnk25State, around: Surroundings) -> None:
    dt_h = around.dt_s / 3600.0
    heel_l = p.heel_l + p.late_interface_l * around.severity["product_lost_at_changeover"]
    s.return_l = min(max(s.volume_l - heel_l, 0.0), p.return_l_h * dt_h)
    s.returned_l += s.return_l
    s.volume_l -= s.return_l
    if s.return_l == 0.0:
        around.demands["drain_l_h"] += s.volume_l / dt_h
        s.lost_l += s.volume_l
        s.volume_l = s.under_heated_share = 0.0
        s.emptying = False


def _supply(p: Tnk25Parameters, s: Tnk25State, supplies: dict[str, float]) -> None:
    supplies["buffer_level_pct"] = s.level_pct
    supplies["buffer_available_l"] = 0.0 if s.emptying else max(s.volume_l - p.sump_l, 0.0)
    supplies["buffer_room_l"] = max(p.tank_l - s.volume_l, 0.0)
    supplies["buffer_return_l"] = s.return_l
    supplies["buffer_degc"] = s.degc


S = Signal[Tnk25State]

UNIT = UnitType(
    unit_id="TNK-25",
    title="Buffer tank",
    parameters=Tnk25Parameters,
    initial=_initial,
    step=_step,
    machine=lambda s: s.packml,
    announce=_supply,
    reads=("ambient_degc", "filler_intake_l", "pasteurised_flow_l_h", "pasteurised_degc", "under_heated_share",
           "blend_kj_l_k"),
    supplies=("buffer_level_pct", "buffer_available_l", "buffer_room_l", "buffer_return_l", "buffer_degc"),
    demands=("drain_l_h",),
    signals=(
        *packml_signals(),
        S("level_pct", "%", 0, 100, "Level of the buffer tank", lambda s: s.level_pct, noise=0.1, resolution=0.1),
        S("product_temperature_degc", "°C", 0, 60, "Temperature of the chilled product",
          lambda s: s.degc, noise=0.03, resolution=0.1),
    ),
    truth=(
        S("volume_l", "L", 0, None, "Content of the buffer tank", lambda s: s.volume_l),
        S("return_line_l", "L", 0, None, "Product on its way to the return tank", lambda s: s.return_l),
        S("received_l", "L", 0, None, "Product from the pasteuriser since start", lambda s: s.received_l),
        S("drawn_l", "L", 0, None, "Product drawn by the filler since start", lambda s: s.drawn_l),
        S("returned_l", "L", 0, None, "Product sent back before changeovers since start", lambda s: s.returned_l),
        S("changeover_lost_l", "L", 0, None, "Product lost with the tank's heel since start", lambda s: s.lost_l),
        S("under_heated_share", "1", 0, 1, "Share of the content that was under-heated",
          lambda s: s.under_heated_share),
        S("under_heated_l", "L", 0, None, "Under-heated product that the filler has drawn since start",
          lambda s: s.under_heated_l),
    ),
)  # fmt: skip
