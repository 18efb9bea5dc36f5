"""Bottles through the packaging machines: nothing appears or is lost, stops spread through full and empty conveyors."""

import copy
from collections import Counter
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo_line.line import LineState
from demo_line.packaging import flow
from demo_line.packml import Command, State
from demo_line.plan import Phase
from tests.demo_line.packaging import CHAIN, CONVEYORS, MACHINES, packaging, producing, run

FINE_S, COARSE_S = 1.0, 60.0

T = TypeVar("T")


def gone(state: LineState, unit_id: str) -> int:
    """Bottles that left a machine downstream, as the next conveyor counted them."""
    units = state.units
    after = CHAIN.index(unit_id) + 1
    return int(units[CHAIN[after]].in_count) if after < len(CHAIN) else int(units["PAL-70"].palletised)


@pytest.mark.parametrize("dt_s", [FINE_S, COARSE_S])
def test_bottles_reconcile_at_every_machine_and_conveyor(dt_s: float) -> None:
    """What a machine processed it passed on, rejected or still holds; a conveyor holds what came and did not leave."""
    line = packaging()
    state = producing(line, seed=4)
    first = {unit_id: state.units[unit_id].bottles for unit_id in CONVEYORS}
    for name, severity in (("filling_valve_seal", 0.9), ("capper_head_clutch", 0.6), ("suction_cup", 0.9)):
        state.around.severity[name] = severity

    def check(now: LineState) -> None:
        units = now.units
        for before, unit_id, behind in zip(CHAIN[::2], CHAIN[1::2], CHAIN[2::2], strict=False):
            conveyor = units[unit_id]
            assert 0 <= conveyor.bottles <= line.parameters[unit_id].model_dump()["bottles"]
            assert conveyor.bottles == first[unit_id] + conveyor.in_count - conveyor.out_count
            assert conveyor.out_count == units[behind].prod_processed_count
            assert gone(now, before) == conveyor.in_count
        assert units["MONO-30"].prod_processed_count == gone(now, "MONO-30")
        for unit_id, held in (("QC-40", 0), ("LAB-50", 0), ("SHR-60", units["SHR-60"].collected),
                              ("PAL-70", units["PAL-70"].waiting_bottles)):  # fmt: skip
            machine = units[unit_id]
            assert machine.prod_processed_count == gone(now, unit_id) + machine.prod_defective_count + held

    run(line, state, 1.5, dt_s, check)
    assert state.units["PAL-70"].palletised > 1.5 * 1700
    for unit_id in ("QC-40", "LAB-50", "PAL-70"):
        assert state.units[unit_id].prod_defective_count > 0, unit_id


@pytest.mark.parametrize("dt_s", [FINE_S, COARSE_S])
def test_the_store_counts_every_piece(dt_s: float) -> None:
    """Stock is what was there and came less what was used, and what was used is what the machines processed."""
    line = packaging({"STO-05": {"lead_spread": 0.0}})
    state = producing(line)
    before = {name: stock.in_stock for name, stock in state.units["STO-05"].stocks.items()}
    run(line, state, 0.5 if dt_s == FINE_S else 24.0 * 4, dt_s)
    units, stocks = state.units, state.units["STO-05"].stocks
    used = {
        "bottles": units["MONO-30"].prod_processed_count,
        "caps": units["MONO-30"].prod_processed_count,
        "labels": units["LAB-50"].prod_processed_count,
        "film": units["SHR-60"].packs,
    }
    for name, count in used.items():
        stock = stocks[name]
        assert stock.used == count, name
        assert stock.in_stock == before[name] + stock.delivered - count, name
        assert sum(lot.left for lot in stock.lots) == stock.in_stock, name
        assert stock.lots == sorted(stock.lots), name
    if dt_s == COARSE_S:
        assert stocks["bottles"].delivered >= 100_000
        assert all(stock.in_stock > 0 for stock in stocks.values())


def test_each_bottle_keeps_its_identity() -> None:
    """Every bottle that left has one record, in the order in which it was filled, with rising times and its verdict."""
    line = packaging()
    state = producing(line, seed=2)
    run(line, state, 2.2)
    bottles, units = state.around.bottles, state.units
    assert len({bottle.number for bottle in bottles}) == len(bottles)
    good = [bottle for bottle in bottles if bottle.verdict == "good"]
    assert [bottle.number for bottle in good] == sorted(bottle.number for bottle in good)
    for bottle in good:
        times = (bottle.filled_s, bottle.checked_s, bottle.labelled_s, bottle.bundled_s, bottle.palletised_s)
        assert all(later > earlier for earlier, later in pairwise(times)), bottle
        assert (bottle.valve, bottle.head) == ((bottle.number - 1) % 12 + 1, (bottle.number - 1) % 5 + 1)
        assert 1.4 <= bottle.torque_nm <= 2.0
        assert bottle.fill_g > 500.0
        assert (bottle.recipe, bottle.holding_degc, bottle.fill_degc) == (state.around.plan.recipe.name, 92.2, 6.5)
    lots = [bottle.lot for bottle in good]
    assert lots == sorted(lots)
    assert {event.text for event in state.around.events if event.kind == "lot"} == set(lots)
    # Bottles that stood on the conveyors at the start have no record.
    known = sum(len(units[unit_id].queue) for unit_id in CONVEYORS) + len(units["SHR-60"].records)
    known += len(units["PAL-70"].records)
    assert len(bottles) + known == units["MONO-30"].prod_processed_count
    verdicts = Counter(bottle.verdict for bottle in bottles)
    assert verdicts["crooked cap"] == pytest.approx(0.002 * len(bottles), abs=12)
    assert verdicts["bad label"] + verdicts["crooked cap"] + verdicts["good"] > 0.99 * len(bottles)


def test_no_pack_holds_two_products() -> None:
    """At a changeover what does not fill a pack is taken out, and its bottles have a record that says so."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.25)
    bundler = state.units["SHR-60"]
    for _ in range(100):
        if bundler.collected:
            break
        line.step(state, 1.0)
    left, processed = bundler.collected, bundler.prod_processed_count
    state.around.plan.forced = Phase.CHANGEOVER
    run(line, state, 0.01)
    assert bundler.collected == 0
    assert len([b for b in state.around.bottles if b.verdict == "last pack of the order incomplete"]) == left > 0
    assert bundler.prod_processed_count == processed
    assert processed == gone(state, "SHR-60") + bundler.prod_defective_count


def test_the_solver_may_change_at_any_time() -> None:
    """After a switch between long and short steps bottles still reconcile; those without a record stay anonymous."""
    line = packaging()
    state = producing(line, seed=3)
    run(line, state, 0.5)
    run(line, state, 1.0, COARSE_S)
    assert all(not state.units[unit_id].queue for unit_id in CONVEYORS)
    before = len(state.around.bottles)
    run(line, state, 0.5)
    units = state.units
    assert units["QC-40"].prod_processed_count == units["CNV-1"].out_count
    good = [bottle.number for bottle in state.around.bottles[before:] if bottle.verdict == "good"]
    assert len(good) > 900
    assert good == sorted(good)


def test_a_stop_downstream_blocks_one_machine_after_the_other() -> None:
    """When the palletiser stands, conveyors fill upstream in turn and suspend machine after machine, up to the filler.

    Once it is back, the bottles go on and the machines resume.
    """
    line = packaging(stops=False)
    state = run(line, producing(line), 0.2)
    line.command(state, "PAL-70", Command.STOP)
    blocked_at: dict[str, float] = {}

    def watch(now: LineState) -> None:
        for unit_id in MACHINES[:-1]:
            if now.units[unit_id].packml.state is State.SUSPENDED and now.units[unit_id].packml.blocked:
                blocked_at.setdefault(unit_id, now.elapsed_s)

    run(line, state, 0.3, watch=watch)
    assert list(blocked_at) == ["SHR-60", "LAB-50", "QC-40", "MONO-30"]
    assert all(later - earlier > 30.0 for earlier, later in pairwise(blocked_at.values()))
    filled = state.units["MONO-30"].prod_processed_count
    line.command(state, "PAL-70", Command.RESET)
    run(line, state, 0.2)
    assert all(state.units[unit_id].packml.state is State.EXECUTE for unit_id in MACHINES)
    assert state.units["MONO-30"].prod_processed_count > filled + 300


@pytest.mark.parametrize("dt_s", [FINE_S, COARSE_S])
def test_a_restarted_filler_loses_its_start_only(dt_s: float) -> None:
    """Stopped and started again, the filler misses the seconds of its acting states, not a whole long step."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.1, dt_s)
    line.command(state, "MONO-30", Command.STOP)
    run(line, state, 1 / 60, dt_s)
    before = state.units["MONO-30"].prod_processed_count
    line.command(state, "MONO-30", Command.RESET)
    run(line, state, 0.05, dt_s)
    full = state.around.supplies["line_pace_bottles_h"] / 3600.0 * 180.0
    assert state.units["MONO-30"].prod_processed_count - before == pytest.approx(full, abs=6)


@pytest.mark.parametrize("dt_s", [FINE_S, COARSE_S])
def test_a_filler_without_product_starves_the_rest(dt_s: float) -> None:
    """Without product the bowl runs low, the filler is SUSPENDED as starved, and so is the rest one after the other."""
    line = packaging(boundary={"buffer_available_l": 0.0}, stops=False)
    state = run(line, producing(line), 0.5, dt_s)
    for unit_id in MACHINES:
        packml = state.units[unit_id].packml
        assert packml.state is State.SUSPENDED, unit_id
        assert packml.starved, unit_id
        assert not packml.blocked, unit_id
    assert state.units["MONO-30"].bowl_mm <= 40.0
    assert state.units["MONO-30"].starved_s > 1000.0
    assert state.units["MONO-30"].held_s == 0.0


@pytest.mark.parametrize(("boundary", "who"), [({"compressed_air_bar": 5.0}, MACHINES), ({"mains_on": 0.0}, MACHINES)])
def test_missing_air_or_mains_suspends_every_machine(boundary: dict[str, float], who: tuple[str, ...]) -> None:
    """Air pressure below what the valves need, or no mains, is a want from outside: SUSPENDED, and nothing moves."""
    line = packaging(boundary=boundary, stops=False)
    state = run(line, producing(line), 0.1)
    for unit_id in who:
        assert state.units[unit_id].packml.state is State.SUSPENDED, unit_id
        assert state.units[unit_id].prod_processed_count == 0
    if "mains_on" in boundary:
        assert sum(state.around.power_w.values()) == 0.0


@pytest.mark.parametrize("dt_s", [FINE_S, COARSE_S])
def test_a_user_without_material_is_held(dt_s: float) -> None:
    """An empty store holds the machine that needs the material, not its neighbours; a delivery lets it go on."""
    labels = {"used": "labels_used", "stock": "labels_in_stock", "first": 1200, "reorder": 0, "delivery": 50_000,
              "lead_h": 1.0, "shelf_days": 100}  # fmt: skip
    line = packaging({"STO-05": {"labels": labels, "lead_spread": 0.0}}, stops=False)
    state = run(line, producing(line), 1.0, dt_s)
    assert state.units["LAB-50"].prod_processed_count == 1200
    assert state.units["LAB-50"].packml.state is State.HELD
    assert state.units["LAB-50"].stop_reason == "no labels in stock"
    assert state.units["QC-40"].packml.state is State.SUSPENDED
    assert state.units["SHR-60"].packml.starved
    state = run(line, state, 0.75, dt_s)
    assert state.units["LAB-50"].packml.state is State.EXECUTE
    assert state.units["LAB-50"].prod_processed_count > 1200


def test_a_copy_goes_on_equally() -> None:
    """A copy of the state meets the same stops and makes the same bottles."""
    line = packaging()
    state = run(line, producing(line), 0.2)
    other = copy.deepcopy(state)
    run(line, state, 0.5)
    run(line, other, 0.5)
    assert state.around.bottles == other.around.bottles
    assert state.around.events == other.around.events


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], list[float]]:
    can = draw(st.lists(st.integers(0, 60), min_size=2, max_size=6))
    conveyors = len(can) - 1

    def each(values: st.SearchStrategy[T]) -> list[T]:
        return draw(st.lists(values, min_size=conveyors, max_size=conveyors))

    return can, each(st.integers(0, 100)), each(st.integers(-11, 100)), each(st.floats(0.0, 1.0))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a loaded machine is no failure
@given(chains())
def test_moves_respect_every_limit_and_waste_nothing(
    chain: tuple[list[int], list[int], list[int], list[float]],
) -> None:
    """No machine moves more than it can, is offered or has room for; one that moves less is starved or blocked."""
    can, waiting, room, share = chain
    moves = flow.solve(can, waiting, room, share)
    for i, moved in enumerate(moves.bottles):
        offered = waiting[i - 1] + int(share[i - 1] * moves.bottles[i - 1]) if i > 0 else moved
        free = max(room[i] + moves.bottles[i + 1], 0) if i < len(can) - 1 else moved
        assert 0 <= moved <= min(can[i], offered, free)
        assert moved in (can[i], offered, free)
        assert (moves.starved[i] or moves.blocked[i]) == (moved < can[i])
        assert not (moves.starved[i] and moves.blocked[i])
    assert not moves.starved[0]
    assert not moves.blocked[-1]
