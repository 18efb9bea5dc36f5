"""The plant as analytics knows it: its work units, and which signals say what of their condition."""

from analytics.machines.definition import (
    Bearing,
    Context,
    Indicator,
    Machine,
    Machines,
    SensorCheck,
    load_machines,
    shipped,
)

__all__ = ["Bearing", "Context", "Indicator", "Machine", "Machines", "SensorCheck", "load_machines", "shipped"]
