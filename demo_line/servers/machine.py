"""What a machine says of itself beside its signals: nameplate, state and counters as the specifications name them.

OPC 40001-1 (Machinery) gives identification, components, item state, operation mode and operation counters, OPC 30050
(PackML) the names of ISA-TR88.00.02. Free of any library.
"""

from collections.abc import Callable
from dataclasses import dataclass

from demo_line.packml import State, UnitMode

MANUFACTURER = "Smart Factory Showroom (simulated)"
"""Stands on every nameplate, so that no client takes the simulated line for a real one."""


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Nameplate of a machine.

    Attributes:
        model: what it is.
        serial_number: number of this one.
        product_instance_uri: name of this one in the whole world.
        components: its components that can be replaced.
    """

    model: str
    serial_number: str
    product_instance_uri: str
    components: tuple[str, ...] = ()


def nameplate(unit_id: str, title: str, components: tuple[str, ...] = ()) -> Nameplate:
    """Nameplate of a simulated unit."""
    return Nameplate(title, f"SIM-{unit_id}", f"urn:smart-factory-showroom:line:{unit_id}", components)


PACKML_NAMES: dict[str, tuple[str, str]] = {
    "state_current": ("Status", "StateCurrent"),
    "unit_mode": ("Status", "UnitModeCurrent"),
    "mach_speed_bottles_h": ("Status", "MachSpeed"),
    "cur_mach_speed_bottles_h": ("Status", "CurMachSpeed"),
    "equipment_blocked": ("Status", "EquipmentBlocked"),
    "equipment_starved": ("Status", "EquipmentStarved"),
    "prod_processed_count": ("Admin", "ProdProcessedCount"),
    "prod_defective_count": ("Admin", "ProdDefectiveCount"),
}
"""Where OPC 30050 shows our signals: object and name."""

COUNTERS: dict[str, tuple[str, Callable[[float], float]]] = {
    "running_h": ("OperationDuration", lambda hours: hours * 3_600_000.0),
    "prod_processed_count": ("OperationCycleCounter", lambda count: count),
    "load_count": ("OperationCycleCounter", lambda count: count),
}
"""Operation counters of OPC 40001-1, 12, and how they follow from our signals; durations are in milliseconds."""

_OUT_OF_SERVICE = frozenset({State.ABORTING, State.ABORTED, State.CLEARING})
_EXECUTING = frozenset({State.EXECUTE, State.COMPLETING})


def item_state(state_number: int) -> str:
    """MachineryItemState (OPC 40001-1, 11) of a PackML state.

    Executing = does its work, OutOfService = has a fault, NotExecuting = waits for something from outside.
    """
    if state_number in _EXECUTING:
        return "Executing"
    return "OutOfService" if state_number in _OUT_OF_SERVICE else "NotExecuting"


_OPERATION_MODES = {
    UnitMode.PRODUCTION: "Processing",
    UnitMode.MAINTENANCE: "Maintenance",
    UnitMode.MANUAL: "Setup",
    UnitMode.CHANGEOVER: "Setup",
    UnitMode.CLEANING: "Maintenance",
}


def operation_mode(mode_number: int) -> str:
    """MachineryOperationMode (OPC 40001-1, 13) of a unit mode; `None` for a mode that is not known."""
    try:
        return _OPERATION_MODES[UnitMode(mode_number)]
    except ValueError:
        return "None"
