"""Work on the machines as simulated time passes.

An action takes time, parts and money, and at its end removes the faults that name it among their cures. Nobody is told
whether it has: that must be measured. The wrong action costs as much and cures nothing; a hasty one may leave the
fault, and a misalignment.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from demo_line.draws import Draws
from demo_line.fault import Condition, Fault, begin, cure
from demo_line.maintenance.definition import Access, Action, Asset, LockStep, MaintenanceDefinition, Part
from demo_line.maintenance.work import Done, Job, MaintenanceError, WorkState
from demo_line.packml import Command, Machine, State, UnitMode, operate
from demo_line.plan import MODES, Phase
from demo_line.unit import Event, Surroundings

MISALIGNMENT = "misalignment"
"""Fault that hasty work on a coupling leaves behind."""

STREAM = "maintenance"
"""Random stream of a run that decides what hasty work leaves behind."""

_AT_REST = (State.STOPPED, State.ABORTED)
_LOCK_ORDER = tuple(LockStep)


class Run(Protocol):
    """What the workshop sees of a run (`LineState`)."""

    units: dict[str, Any]
    around: Surroundings
    draws: dict[str, Draws]
    conditions: dict[str, Condition]
    work: WorkState


class Workshop:
    """Maintenance of one line; it holds no state of the simulation.

    Args:
        definition: actions, parts, assets.
        machines: how to find the state machine in a unit's state, by unit id.
        faults: all faults of the line.
    """

    def __init__(
        self,
        definition: MaintenanceDefinition,
        machines: Mapping[str, Callable[[Any], Machine]],
        faults: Mapping[str, Fault],
    ) -> None:
        self.definition = definition
        self.actions: dict[str, Action] = {action.name: action for action in definition.actions}
        self.parts: dict[str, Part] = {part.name: part for part in definition.parts}
        self.assets: dict[str, Asset] = {asset.unit: asset for asset in definition.assets}
        self._machines = machines
        self._faults = faults

    def begin(self) -> WorkState:
        """Memory at the start of a run."""
        stock = {part.name: part.stock for part in self.definition.parts}
        return WorkState(stock=stock, self_repair=self.definition.self_repair)

    def order_part(self, run: Run, name: str) -> float:
        """Order one piece of a part; returns the simulated second of its delivery."""
        part = self.parts.get(name)
        if part is None:
            raise MaintenanceError(f"no part is called {name!r}; parts: {', '.join(self.parts)}")
        arrives_s = run.around.elapsed_s + part.lead_h * 3600.0
        run.work.ordered.append((name, arrives_s))
        run.work.spent += part.price
        self._tell(run, "", "part", f"{part.title} ordered", {"price": part.price, "arrives_s": arrives_s})
        return arrives_s

    def lock_out(self, run: Run, unit_id: str, step: LockStep) -> None:
        """Take one step of a lock-out; whether the order was right is judged when work begins.

        Raises MaintenanceError when the unit is not STOPPED or ABORTED (ISO 14118: a machine is isolated at rest).
        """
        machine = self._machine(run, unit_id)
        if machine.state not in _AT_REST:
            raise MaintenanceError(
                f"{unit_id} is {machine.state.name}; it can be locked out only when STOPPED or ABORTED: stop it first"
            )
        run.work.locks.setdefault(unit_id, []).append(step)
        machine.released = False
        self._tell(run, unit_id, "lockout", step.value, {})

    def locked_out(self, run: Run, unit_id: str) -> bool:
        """Whether all steps of the lock-out have been taken in their order."""
        return tuple(run.work.locks.get(unit_id, ())) == _LOCK_ORDER

    def allow(self, run: Run, unit_id: str, command: Command) -> None:
        """Raise MaintenanceError where locks hold a machine back from a command; it can only be kept at rest."""
        steps = run.work.locks.get(unit_id)
        if steps and command not in (Command.STOP, Command.ABORT):
            raise MaintenanceError(
                f"{unit_id} is locked out ({', '.join(steps)}), so {command} does nothing; unlock it first"
            )

    def unlock(self, run: Run, unit_id: str) -> None:
        """Take the locks away; the unit then needs CLEAR (from ABORTED) and RESET.

        Raises MaintenanceError while somebody works on it or when it is not locked.
        """
        if any(job.unit_id == unit_id for job in run.work.jobs):
            raise MaintenanceError(f"somebody still works on {unit_id}; wait until the work is done")
        if run.work.locks.pop(unit_id, None) is None:
            raise MaintenanceError(f"{unit_id} is not locked")
        machine = self._machine(run, unit_id)
        if machine.mode is UnitMode.MAINTENANCE:
            machine.mode = MODES[run.around.plan.phase]
        self._tell(run, unit_id, "lockout", "unlocked", {})

    def act(self, run: Run, name: str, *, hasty: bool = False) -> Job:
        """Begin an action; it ends by itself when its time is over.

        An action on a machine that runs is refused where it must stand. Where it must be locked out, work on a
        machine that merely stands is possible, as it is in real life, and recorded as unsafe.

        Args:
            run: the run.
            name: name of the action.
            hasty: skip checks and alignment: faster, but it may leave the fault and add a misalignment.

        Raises MaintenanceError for an unknown action, one that is under way, a running machine or a missing part.
        """
        action = self.actions.get(name)
        if action is None:
            raise MaintenanceError(f"no action is called {name!r}; actions: {', '.join(self.actions)}")
        if any(job.action == name for job in run.work.jobs):
            raise MaintenanceError(f"{action.title}: somebody does that already; wait until the work is done")
        safe = True
        if action.access is not Access.RUNNING:
            machine = self._machine(run, action.unit)
            if machine.state not in _AT_REST:
                raise MaintenanceError(f"{action.unit} is {machine.state.name}; stop it first: {action.title}")
            safe = action.access is Access.STOPPED or self.locked_out(run, action.unit)
        missing = [part for part in action.parts if run.work.stock.get(part, 0) <= 0]
        if missing:
            raise MaintenanceError(f"{action.title}: no {missing[0]} in the store; order it, it takes "
                                   f"{self.parts[missing[0]].lead_h:g} h")  # fmt: skip
        return self._start(run, action, hasty=hasty, safe=safe, by_crew=False)

    def step(self, run: Run) -> None:
        """Let deliveries arrive and work end whose time has come; the crew turns to what it notices."""
        work, now_s = run.work, run.around.elapsed_s
        if work.ordered:
            for name, arrives_s in [item for item in work.ordered if item[1] <= now_s]:
                work.ordered.remove((name, arrives_s))
                work.stock[name] = work.stock.get(name, 0) + 1
                self._tell(run, "", "part", f"{self.parts[name].title} delivered", {})
        for job in work.jobs:
            if job.unit_id and self.actions[job.action].access is not Access.RUNNING:
                self._machine(run, job.unit_id).mode = UnitMode.MAINTENANCE
        if work.jobs:
            for job in [job for job in work.jobs if job.ends_s <= now_s]:
                work.jobs.remove(job)
                self._finish(run, job)
        if work.self_repair and run.conditions:
            self._send_crew(run)

    def _start(self, run: Run, action: Action, *, hasty: bool, safe: bool, by_crew: bool) -> Job:
        definition, now_s = self.definition, run.around.elapsed_s
        minutes = action.minutes * (definition.hasty_minutes if hasty else 1.0)
        lead_s = definition.licensed_lead_h * 3600.0 if action.licensed else 0.0
        cost = action.people * minutes / 60.0 * definition.labour_h
        cost += definition.licensed_call if action.licensed else 0.0
        run.work.spent += cost
        for part in action.parts:
            run.work.stock[part] -= 1
        job = Job(
            action.name, action.unit, now_s, now_s + lead_s + minutes * 60.0, hasty, safe, by_crew,
            cost + sum(self.parts[part].price for part in action.parts),
        )  # fmt: skip
        run.work.jobs.append(job)
        if action.access is not Access.RUNNING:
            self._machine(run, action.unit).released = False
        if action.cleans:
            run.around.plan.forced = Phase.CLEANING
        self._tell(
            run, action.unit, "work", f"{action.title}: begun",
            {"action": action.name, "minutes": round(minutes, 1), "hasty": hasty, "safe": safe},
        )  # fmt: skip
        return job

    def _finish(self, run: Run, job: Job) -> None:
        action, draws = self.actions[job.action], run.draws[STREAM]
        cured: list[str] = []
        if not job.hasty or draws.uniform() < self.definition.hasty_cures:
            cured = [
                name
                for name, condition in run.conditions.items()
                if job.action in self._faults[name].cures and condition.onset_s <= run.around.elapsed_s
            ]
        for name in cured:
            cure(name, run.conditions[name], run.around.severity)
        misaligned = action.aligns and job.hasty and draws.uniform() < self.definition.hasty_misaligns
        if misaligned:
            self._misalign(run, job.ends_s)
        run.work.done.append(Done(job, tuple(cured), misaligned))
        self._tell(
            run, job.unit_id, "work", f"{action.title}: done", {"action": action.name, "cost": round(job.cost, 2)}
        )
        if job.by_crew and job.unit_id in self._machines:
            self._restart(run, job.unit_id)

    def _misalign(self, run: Run, onset_s: float) -> None:
        """Leave the coupling out of line by a third to two thirds of what it stands."""
        fault, draws = self._faults[MISALIGNMENT], run.draws[STREAM]
        condition = run.conditions[MISALIGNMENT] = begin(fault, onset_s, draws)
        condition.used = (1.0 + draws.uniform()) / 3.0
        condition.severity = run.around.severity[MISALIGNMENT] = fault.growth.severity(condition.used)

    def _send_crew(self, run: Run) -> None:
        """Send the crew to what it notices: aborted units and its own mistakes; it works while there is a shift."""
        work, now_s, plan = run.work, run.around.elapsed_s, run.around.plan
        seen = [
            name for name, condition in run.conditions.items() if condition.severity >= 1.0 and self._seen(run, name)
        ]
        for name in seen:
            fault, action = self._faults[name], self.actions[self._faults[name].cures[0]]
            if name not in work.noticed:
                minutes = self.definition.notice_min if fault.unit_id else self.definition.mistake_min
                work.noticed[name] = now_s + minutes * 60.0 * plan.response
            if any(job.action == action.name for job in work.jobs) or not plan.crew:
                continue
            if now_s >= work.noticed[name] and self._has_parts(run, action):
                self._start(run, action, hasty=False, safe=True, by_crew=True)
        for name in work.noticed.keys() - set(seen):
            del work.noticed[name]

    def _seen(self, run: Run, name: str) -> bool:
        """Whether a crew sees this failure by itself: it has aborted its unit, or it is a mistake of a crew."""
        fault = self._faults[name]
        if not fault.cures or fault.cures[0] not in self.actions:
            return False
        if fault.unit_id in self._machines:
            return fault.aborts and self._machine(run, fault.unit_id).state is State.ABORTED
        return not fault.unit_id

    def _has_parts(self, run: Run, action: Action) -> bool:
        """Whether the store has what the action needs; what is missing is ordered."""
        missing = [part for part in action.parts if run.work.stock.get(part, 0) <= 0]
        under_way = [name for name, _ in run.work.ordered]
        for part in missing:
            if part not in under_way:
                self.order_part(run, part)
        return not missing

    def _restart(self, run: Run, unit_id: str) -> None:
        """Give an aborted unit back to line control, as an operator does after a repair."""
        machine = self._machine(run, unit_id)
        if machine.state is State.ABORTED:
            operate(machine, Command.CLEAR)
            machine.released, machine.mode = True, MODES[run.around.plan.phase]

    def _machine(self, run: Run, unit_id: str) -> Machine:
        machine_of = self._machines.get(unit_id)
        if machine_of is None:
            raise MaintenanceError(f"{unit_id!r} has no state machine; units: {', '.join(self._machines)}")
        return machine_of(run.units[unit_id])

    @staticmethod
    def _tell(run: Run, unit_id: str, kind: str, text: str, fields: Mapping[str, float | int | str | bool]) -> None:
        run.around.events.append(Event(run.around.elapsed_s, unit_id, kind, text, fields))
