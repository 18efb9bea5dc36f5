"""SHR-60: shrink bundler; twelve bottles become a pack, film shrinks round it in a tunnel of two heated zones.

Each zone has three equal heating elements in star without neutral and a contactor that its controller closes and opens
at two temperatures. With one phase open, two elements are in series between the other two phases.
"""

from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import NamedTuple

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import station
from demo_line.packaging.station import Station, StationParameters, station_signals, station_truth
from demo_line.packaging.stops import StopCause, begin_stop
from demo_line.packml import UnitMode
from demo_line.plan import CHANGEOVER, PRODUCTION, WARM_UP
from demo_line.signals import DataType, Signal
from demo_line.unit import BottleInWork, Surroundings, UnitType

PACK = 12
"""Bottles in a pack."""

BAD_SEAL, NO_PACK = "pack not shrunk", "last pack of the order incomplete"

_MAINTENANCE = UnitMode.MAINTENANCE
_HEATED = frozenset({WARM_UP, PRODUCTION, CHANGEOVER})


class Shr60Parameters(StationParameters):
    """Design values of bundler and tunnel."""

    rated_bottles_h: float = Field(default=3450.0, gt=0)
    stops: tuple[StopCause, ...] = (
        StopCause(reason="film jam at the knife", per_h=0.5, median_s=65.0),
        StopCause(reason="bottle fallen in the collator", per_h=0.6, median_s=40.0),
    )
    execute_w: float = Field(default=1600.0, ge=0, description="drives and fans, without the heaters")
    ready_w: float = Field(default=900.0, ge=0)
    standby_w: float = Field(default=60.0, ge=0)
    air_ready_m3_min: float = Field(default=0.09, ge=0)
    air_l_bottle: float = Field(default=1.8, ge=0)
    voltage_v: float = Field(default=400.0, gt=0, description="nominal, between phases")
    heater_w: float = Field(default=14000.0, gt=0, description="both zones, at nominal voltage")
    set_points_degc: tuple[float, float] = (166.0, 174.0)
    band_k: float = Field(default=2.0, gt=0, description="contactor closes and opens this far from the set point")
    loss_w_k: float = Field(default=24.0, gt=0, description="heat through walls and openings of a zone")
    pack_j_k: float = Field(default=300.0, ge=0, description="heat that a pack carries away per kelvin of a zone")
    zone_j_k: float = Field(default=8000.0, gt=0)
    ready_degc: float = Field(default=160.0, description="below it no pack is let in, until it is reached again")
    stop_below_degc: float = Field(default=146.0, description="production stops when a zone falls below")
    shrink_degc: float = Field(default=143.0, description="at this temperature half of the packs do not shrink")
    shrink_spread_k: float = Field(default=2.5, gt=0)
    bad_pack_share: float = Field(default=0.001, ge=0, le=1)
    film_packs: int = Field(default=2400, gt=0, description="packs that a film roll wraps")
    film_change: StopCause = Field(
        default=StopCause(reason="film roll empty", per_h=0.0, median_s=150.0, spread=0.3, refill=True)
    )


class Circuit(NamedTuple):
    """What a heater bank takes while its contactor is closed."""

    power_w: float
    currents_a: tuple[float, float, float]


def star_without_neutral(power_w: float, voltage_v: float, share: float, open_phase: int = 0) -> Circuit:
    """Power and line currents of three equal resistors in star without neutral.

    Healthy: R = U^2 / P, I = U / (sqrt(3) R). With phase L1 open, for instance, L2 and L3 see two resistors in series:
    I = U / (2 R), which is sqrt(3)/2 = 86.6 % of the healthy current, and half the power (Kirchhoff).

    Args:
        power_w: rated power of the bank at the nominal voltage between phases, `voltage_v`.
        voltage_v: that voltage.
        share: real voltage relative to it.
        open_phase: number of the phase that is interrupted, 1 to 3; 0 = none.
    """
    resistance_ohm = voltage_v**2 / power_w
    real_v = voltage_v * share
    if open_phase:
        current_a = real_v / (2.0 * resistance_ohm)
        a, b, c = (0.0 if phase == open_phase else current_a for phase in (1, 2, 3))
        return Circuit(real_v**2 / (2.0 * resistance_ohm), (a, b, c))
    current_a = real_v / (sqrt(3.0) * resistance_ohm)
    return Circuit(real_v**2 / resistance_ohm, (current_a, current_a, current_a))


@dataclass(slots=True)
class Zone:
    """One heated zone; `closed` is its contactor."""

    degc: float
    closed: bool = True
    closed_s: float = 0.0


@dataclass(slots=True)
class Shr60State(Station):
    """State of SHR-60; currents are those of both zones together, averaged over the step."""

    zones: tuple[Zone, Zone] = field(default_factory=lambda: (Zone(166.0), Zone(174.0)))
    cold: bool = False
    currents_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    heater_w: float = 0.0
    heat_ws: float = 0.0
    collected: int = 0
    records: list[BottleInWork] = field(default_factory=list)
    packs: int = 0
    packs_rejected: int = 0
    film_left: int = 0
    changing_film: bool = False


def _initial(p: Shr60Parameters) -> Shr60State:
    return Shr60State(
        "SHR-60",
        speed_bottles_h=p.rated_bottles_h,
        actual_bottles_h=2550.0,
        power_w=p.execute_w + p.heater_w,
        heater_w=p.heater_w,
        zones=(Zone(p.set_points_degc[0]), Zone(p.set_points_degc[1])),
        film_left=p.film_packs,
    )


def _capacity(p: Shr60Parameters, s: Shr60State, around: Surroundings, draws: Draws) -> int:
    coldest = min(s.zones[0].degc, s.zones[1].degc)
    s.cold = coldest < (p.ready_degc if s.cold else p.stop_below_degc)
    packs_in_stock = int(around.supplies["film_in_stock"])
    s.hold_reason = "tunnel too cold" if s.cold else "" if packs_in_stock > 0 else "no film in stock"
    can = station.capacity(p, s, p.rated_bottles_h, around, draws)
    if s.changing_film and s.stop_left_s <= 0.0:
        s.changing_film = False
        s.film_left += p.film_packs
    return min(can, packs_in_stock * PACK)


def _step(p: Shr60Parameters, s: Shr60State, around: Surroundings, draws: Draws) -> None:
    bottles = station.account(p, s, around)
    packs, s.collected = divmod(s.collected + bottles, PACK)
    _heat(p, s, around)
    known = station.arrived(s, around)
    if known:
        s.records.extend(known)
        known.clear()
    if around.dt_s > station.COARSE_S and s.records:
        s.records.clear()
    rejected = draws.binomial(packs, _bad_share(p, s)) if packs else 0
    if packs and s.records:
        _bundle(s, around, packs, rejected, known)
    s.packs += packs
    s.packs_rejected += rejected
    s.prod_defective_count += rejected * PACK
    around.passed["SHR-60"] = (packs - rejected) * PACK
    s.film_left -= packs
    if s.film_left <= 0 and not s.changing_film and s.stop_left_s <= 0.0:
        s.changing_film = True
        begin_stop(s, p.film_change, around, around.elapsed_s)
    around.demands["film_used_packs"] += packs
    if s.collected and around.plan.phase is CHANGEOVER:
        _clear(s, around)


def _bundle(s: Shr60State, around: Surroundings, packs: int, rejected: int, out: list[BottleInWork]) -> None:
    """Close the packs: the records of the first of them leave with a bad seal where some are rejected."""
    unknown = max(packs * PACK + s.collected - len(s.records), 0)
    count = packs * PACK - unknown
    bundled, s.records = s.records[:count], s.records[count:]
    bad = max(rejected * PACK - unknown, 0)
    for place, bottle in enumerate(bundled):
        bottle.bundled_s = around.elapsed_s
        if place < bad:
            around.bottles.append(bottle.leave(BAD_SEAL))
        else:
            out.append(bottle)


def _clear(s: Shr60State, around: Surroundings) -> None:
    """Take out what does not fill a pack, so that no pack holds two products."""
    around.bottles += [bottle.leave(NO_PACK) for bottle in s.records]
    s.records.clear()
    s.prod_defective_count += s.collected
    s.collected = 0


def _bad_share(p: Shr60Parameters, s: Shr60State) -> float:
    """Share of packs that do not shrink at the temperature of the colder zone."""
    coldest = min(s.zones[0].degc, s.zones[1].degc)
    x = (coldest - p.shrink_degc) / p.shrink_spread_k
    return p.bad_pack_share + (1.0 - p.bad_pack_share) / (1.0 + exp(min(x, 50.0)))


def _heat(p: Shr60Parameters, s: Shr60State, around: Surroundings) -> None:
    """Zones, contactors, currents and power over the step; nobody works on a tunnel that is heated."""
    dt_s, supplies, severity = around.dt_s, around.supplies, around.severity
    share = supplies["supply_voltage_share"] if supplies["mains_on"] > 0.5 else 0.0
    is_open = severity["tunnel_heater_phase_open"] >= 1.0
    open_phase = around.places["tunnel_heater_phase_open"] if is_open else 0
    circuit = star_without_neutral(p.heater_w / 2.0, p.voltage_v, share, open_phase)
    enabled = around.plan.phase in _HEATED and supplies["shed_stage"] < 1.0 and s.packml.mode is not _MAINTENANCE
    packs_s = s.actual_bottles_h / 3600.0 / PACK
    conductance = p.loss_w_k + p.pack_j_k * packs_s
    ambient, closed_s = supplies["ambient_degc"], 0.0
    for zone, set_point in zip(s.zones, p.set_points_degc, strict=True):
        _zone(p, zone, set_point if enabled else -273.0, circuit.power_w, conductance, ambient, dt_s)
        closed_s += zone.closed_s
    part = closed_s / dt_s
    s.heater_w = circuit.power_w * part
    s.heat_ws += s.heater_w * dt_s
    a, b, c = circuit.currents_a
    s.currents_a = (a * part, b * part, c * part)
    s.power_w += s.heater_w


def _zone(
    p: Shr60Parameters, zone: Zone, set_point: float, power_w: float, conductance: float, ambient: float, dt_s: float
) -> None:
    """One zone over the step, switching exactly at its limits.

    C dT/dt = P - G (T - T_ambient): between two switchings T approaches its end value exponentially, so the time to a
    limit is C/G ln((T_end - T) / (T_end - limit)).
    """
    tau_s, left_s = p.zone_j_k / conductance, dt_s
    zone.closed_s = 0.0
    if zone.degc < set_point - p.band_k:
        zone.closed = True
    elif zone.degc > set_point + p.band_k:
        zone.closed = False
    while left_s > 1e-9:
        end = ambient + (power_w / conductance if zone.closed else 0.0)
        limit = set_point + (p.band_k if zone.closed else -p.band_k)
        used_s, after = left_s, end + (zone.degc - end) * exp(-left_s / tau_s)
        switches = after >= limit if zone.closed else after <= limit
        if switches:
            used_s = tau_s * log((end - zone.degc) / (end - limit))
            after = end + (zone.degc - end) * exp(-used_s / tau_s)
        zone.degc = after
        if zone.closed:
            zone.closed_s += used_s
        left_s -= used_s
        zone.closed = zone.closed is not switches


S = Signal[Shr60State]

UNIT = UnitType(
    unit_id="SHR-60",
    title="Shrink bundler with tunnel",
    parameters=Shr60Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=(*station.READS, "supply_voltage_share", "shed_stage", "ambient_degc", "film_in_stock"),
    demands=("compressed_air_demand_m3_min", "film_used_packs"),
    truth=(
        *station_truth(),
        S("collected", "", 0, PACK, "Bottles of the pack that is being made", lambda s: s.collected, DataType.INT64),
        S("heater_w", "W", 0, 20000, "Heat into both zones", lambda s: s.heater_w),
    ),
    signals=(
        *station_signals(3450.0),
        S("zone_1_degc", "°C", 0, 250, "Temperature of tunnel zone 1",
          lambda s: s.zones[0].degc, noise=0.1, resolution=0.1),
        S("zone_2_degc", "°C", 0, 250, "Temperature of tunnel zone 2",
          lambda s: s.zones[1].degc, noise=0.1, resolution=0.1),
        S("current_l1_a", "A", 0, 40, "Heater current L1", lambda s: s.currents_a[0], noise=0.03, resolution=0.01),
        S("current_l2_a", "A", 0, 40, "Heater current L2", lambda s: s.currents_a[1], noise=0.03, resolution=0.01),
        S("current_l3_a", "A", 0, 40, "Heater current L3", lambda s: s.currents_a[2], noise=0.03, resolution=0.01),
        S("packs_count", "", 0, None, "Packs made since start", lambda s: s.packs, DataType.INT64, period_s=0),
        S("packs_rejected_count", "", 0, None, "Packs rejected since start",
          lambda s: s.packs_rejected, DataType.INT64, period_s=0),
        S("film_left_packs", "", 0, None, "Packs that the film roll still wraps",
          lambda s: max(s.film_left, 0), DataType.INT64, period_s=0),
        S("power_w", "W", 0, 25000, "Electrical power with heaters", lambda s: s.power_w, noise=40.0, resolution=1.0),
    ),
)  # fmt: skip
