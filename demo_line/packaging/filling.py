"""Filling and capping: each bottle passes one of 12 valves and one of 5 heads.

The counts are co-prime, so a bad valve shows on every 12th bottle and a bad head on every 5th. The fine solver draws
each bottle, the coarse one the mean of each valve and head over the bottles of its step.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import carousel
from demo_line.packaging.station import COARSE_S, Station, StationParameters
from demo_line.signals import Signal
from demo_line.unit import BottleInWork, Surroundings

VALVES, HEADS = 12, 5

FILL_TOLERANCE_G = 15.0
"""Tolerable deficiency of a 500 ml package (OIML R 87, table 1: 3 % from 300 to 500 ml)."""

TORQUE_LOW_NM, TORQUE_HIGH_NM = 1.4, 2.0
"""Application torque that closes tightly and that a hand still opens; design values of this line."""


class FillingParameters(StationParameters):
    """Design values of valves and capping heads."""

    fill_valve_offsets_g: tuple[float, ...] = (0.2, -0.3, 0.1, 0.4, -0.2, 0.0, 0.3, -0.4, 0.1, -0.1, 0.2, -0.3)
    fill_spread_g: float = Field(default=0.8, gt=0)
    seal_loss_g: float = Field(default=19.0, description="short fill of a valve whose seal has failed")
    torque_nm: float = 1.7
    torque_head_offsets_nm: tuple[float, ...] = (0.02, -0.03, 0.0, 0.03, -0.02)
    torque_spread_nm: float = Field(default=0.06, gt=0)
    clutch_loss_nm: float = Field(default=0.6, description="torque lost by a head whose clutch has failed")
    cap_batch_loss_nm: float = Field(default=0.24, description="torque lost at every head with the worst caps")


@dataclass(slots=True)
class Filling(Station):
    """State of valves and heads.

    Attributes:
        product_l: filled in this step.
        fill_g, cap_torque_nm: of the last bottle.
        fill_mean_g, cap_torque_mean_nm: of the last hundred bottles or so.
        fill_by_valve_g, torque_by_head_nm: of the last twenty bottles or so of each valve and head.
        valve_mean_g, head_mean_nm: expected values now.
        light_share, loose_share: expected share of bottles that are light or badly closed (coarse solver).
    """

    product_l: float = 0.0
    fill_g: float = 0.0
    fill_mean_g: float = 0.0
    cap_torque_nm: float = 0.0
    cap_torque_mean_nm: float = 0.0
    fill_by_valve_g: list[float] = field(default_factory=list)
    torque_by_head_nm: list[float] = field(default_factory=list)
    valve_mean_g: list[float] = field(default_factory=lambda: [0.0] * VALVES)
    head_mean_nm: list[float] = field(default_factory=lambda: [0.0] * HEADS)
    light_share: float = 0.0
    loose_share: float = 0.0


def fill(
    p: FillingParameters, s: Filling, around: Surroundings, bottles: int, draws: Draws, made: list[BottleInWork]
) -> None:
    """Fill and cap the last `bottles` of those counted; the fine solver adds their records to `made`."""
    _expect(p, s, around)
    if around.dt_s > COARSE_S:
        _fill_many(p, s, around, bottles, draws)
    else:
        _fill_each(p, s, around, bottles, draws, made)


def _expect(p: FillingParameters, s: Filling, around: Surroundings) -> None:
    """Expected fill of each valve and torque of each head now."""
    severity, places, recipe = around.severity, around.places, around.plan.recipe
    nominal_g = recipe.bottle_l * around.supplies["blend_density_kg_l"] * 1000.0
    valves, cappers = s.valve_mean_g, s.head_mean_nm
    for i, offset_g in enumerate(p.fill_valve_offsets_g):
        valves[i] = nominal_g + offset_g
    valves[places["filling_valve_seal"] - 1] -= p.seal_loss_g * severity["filling_valve_seal"]
    torque_nm = p.torque_nm - p.cap_batch_loss_nm * severity["cap_batch"]
    for i, offset_nm in enumerate(p.torque_head_offsets_nm):
        cappers[i] = torque_nm + offset_nm
    cappers[places["capper_head_clutch"] - 1] -= p.clutch_loss_nm * severity["capper_head_clutch"]


def _fill_each(
    p: FillingParameters, s: Filling, around: Surroundings, bottles: int, draws: Draws, made: list[BottleInWork]
) -> None:
    """Fill and cap the bottles of this step one by one; means follow the last bottles."""
    plan, supplies = around.plan, around.supplies
    density_g_l = supplies["blend_density_kg_l"] * 1000.0
    for number in range(s.prod_processed_count - bottles, s.prod_processed_count):
        valve, head = number % VALVES, number % HEADS
        s.fill_g = fill_g = s.valve_mean_g[valve] + p.fill_spread_g * draws.normal()
        s.cap_torque_nm = torque_nm = s.head_mean_nm[head] + p.torque_spread_nm * draws.normal()
        s.fill_mean_g += 0.01 * (fill_g - s.fill_mean_g)
        s.cap_torque_mean_nm += 0.01 * (torque_nm - s.cap_torque_mean_nm)
        s.fill_by_valve_g[valve] += carousel.MEMORY * (fill_g - s.fill_by_valve_g[valve])
        s.torque_by_head_nm[head] += carousel.MEMORY * (torque_nm - s.torque_by_head_nm[head])
        s.product_l += fill_g / density_g_l
        made.append(
            BottleInWork(
                number + 1,
                plan.lot,
                plan.recipe.name,
                valve + 1,
                head + 1,
                around.elapsed_s,
                fill_g,
                torque_nm,
                supplies["holding_degc"],
                supplies["buffer_degc"],
            )
        )


def _fill_many(p: FillingParameters, s: Filling, around: Surroundings, bottles: int, draws: Draws) -> None:
    """Fill and cap the bottles of a long step: means of each valve and head with the spread of their number.

    How many of them will be found light or badly closed is drawn at QC-40 from the shares expected here.
    """
    recipe, first = around.plan.recipe, s.prod_processed_count - bottles
    total_g = carousel.batch(s.valve_mean_g, s.fill_by_valve_g, p.fill_spread_g, first, bottles, draws)
    total_nm = carousel.batch(s.head_mean_nm, s.torque_by_head_nm, p.torque_spread_nm, first, bottles, draws)
    share = 1.0 - 0.99**bottles
    s.fill_mean_g += share * (total_g / bottles - s.fill_mean_g)
    s.cap_torque_mean_nm += share * (total_nm / bottles - s.cap_torque_mean_nm)
    last = first + bottles - 1
    s.fill_g = s.valve_mean_g[last % VALVES] + p.fill_spread_g * draws.normal()
    s.cap_torque_nm = s.head_mean_nm[last % HEADS] + p.torque_spread_nm * draws.normal()
    s.product_l = total_g / (around.supplies["blend_density_kg_l"] * 1000.0)
    limit_g = recipe.bottle_l * recipe.density_kg_l * 1000.0 - FILL_TOLERANCE_G
    s.light_share = carousel.share_below(limit_g, s.valve_mean_g, p.fill_spread_g)
    s.loose_share = carousel.share_below(TORQUE_LOW_NM, s.head_mean_nm, p.torque_spread_nm)
    s.loose_share += 1.0 - carousel.share_below(TORQUE_HIGH_NM, s.head_mean_nm, p.torque_spread_nm)


S = Signal[Filling]


def of_valve(i: int) -> Signal[Any]:
    """Truth that only a weighing by valve shows."""
    name = f"fill_valve_{i + 1:02d}_g"
    return S(name, "g", 0, 600, f"Mean fill of the last bottles of valve {i + 1}", lambda s: s.fill_by_valve_g[i])


def of_head(i: int) -> Signal[Any]:
    """Truth that only a torque test by head shows."""
    name = f"torque_head_{i + 1}_nm"
    return S(name, "N·m", 0, 4, f"Mean torque of the last bottles of head {i + 1}", lambda s: s.torque_by_head_nm[i])
