"""The packaging machines alone, with constant supplies: what their tests run."""

from collections.abc import Callable, Mapping
from typing import Any

from demo_line.line import Line, LineState, load_definition
from demo_line.plan import Phase

MACHINES = ("MONO-30", "QC-40", "LAB-50", "SHR-60", "PAL-70")
CONVEYORS = ("CNV-1", "CNV-2", "CNV-3", "CNV-4")
CHAIN = ("MONO-30", "CNV-1", "QC-40", "CNV-2", "LAB-50", "CNV-3", "SHR-60", "CNV-4", "PAL-70")

SUPPLIES = {
    "ambient_degc": 24.0,
    "mains_on": 1.0,
    "supply_voltage_share": 1.0,
    "shed_stage": 0.0,
    "buffer_available_l": 125.0,
    "buffer_degc": 6.5,
    "holding_degc": 92.2,
    "blend_density_kg_l": 1.0432,
    "compressed_air_bar": 7.0,
}


def packaging(
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    boundary: Mapping[str, float] | None = None,
    *,
    stops: bool = True,
) -> Line:
    """The shipped machines and conveyors with the store; without stops where none are wanted."""
    shipped = load_definition()
    merged: dict[str, dict[str, Any]] = {
        unit_id: dict(shipped.parameters.get(unit_id, {})) for unit_id in (*CHAIN, "STO-05")
    }
    for unit_id in MACHINES if not stops else ():
        merged[unit_id]["stops"] = ()
    for unit_id, values in (parameters or {}).items():
        merged[unit_id] |= values
    return Line(
        shipped.model_copy(
            update={
                "units": (*CHAIN, "STO-05"),
                "packaging": CHAIN,
                "boundary": SUPPLIES | dict(boundary or {}),
                "boundary_demands": {"concentrate_used_l": 0.0},
                "parameters": merged,
            }
        )
    )


def producing(line: Line, seed: int = 1) -> LineState:
    """A state in which the line produces for ever: no shift, order or cleaning ends it, so only the machines decide."""
    state = line.start(seed)
    plan = state.around.plan
    plan.always_on, plan.forced, plan.quantity = True, Phase.PRODUCTION, 10**9
    return state


def run(
    line: Line, state: LineState, hours: float, dt_s: float = 1.0, watch: Callable[[LineState], None] | None = None
) -> LineState:
    """Step for some simulated hours; `watch` sees each step."""
    for _ in range(round(hours * 3600.0 / dt_s)):
        line.step(state, dt_s)
        if watch is not None:
            watch(state)
    return state


def set_severity(state: LineState, name: str, severity: float) -> None:
    """Put a fault to a severity at once and keep it there."""
    state.around.severity[name] = severity
