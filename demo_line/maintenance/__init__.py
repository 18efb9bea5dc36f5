"""What people do to the machines: work orders, parts, lock-out, and the crew's own repairs after a failure."""

from demo_line.maintenance.definition import Access, Action, Asset, LockStep, MaintenanceDefinition, Part
from demo_line.maintenance.work import Done, Job, MaintenanceError, WorkState
from demo_line.maintenance.workshop import Workshop

__all__ = [
    "Access",
    "Action",
    "Asset",
    "Done",
    "Job",
    "LockStep",
    "MaintenanceDefinition",
    "MaintenanceError",
    "Part",
    "WorkState",
    "Workshop",
]
