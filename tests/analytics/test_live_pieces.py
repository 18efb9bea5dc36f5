"""Pieces of the live process without a network: schedule, training, what survives a restart, operators' requests."""

from pathlib import Path

import numpy as np
import pytest

from analytics.alarms import Alarm, AlarmState
from analytics.assessor import Assessor
from analytics.config import AlarmSettings, TrainingSettings
from analytics.cycle import Cycle
from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.inputs import Past, blank, joined
from analytics.keepsake import Keepsake
from analytics.maintenance import load_maintenance
from analytics.registry import Registry
from analytics.requests import leave_request, take_requests
from analytics.schedule import Schedule
from analytics.training import load_champion, train
from analytics.window import Window
from tests.analytics.pump import MINUTE_NS, T0_NS, course, pump

H_NS = 3_600_000_000_000


def test_training_begins_once_there_is_enough_and_then_by_schedule() -> None:
    """Not while history is imported or too short; then at once; a failure waits; later daily, after drift sooner."""
    schedule = Schedule(TrainingSettings(least_days=2, every_h=24))
    assert not schedule.is_due(0, has_model=False, past=None)
    assert not schedule.is_due(0, has_model=False, past=Past(20, "3 of 9 parts are imported"))
    assert not schedule.is_due(0, has_model=False, past=Past(1.9))
    assert schedule.is_due(0, has_model=False, past=Past(2.0))
    schedule.tried(0)
    assert not schedule.is_due(59 * 10**9, has_model=False, past=Past(2.0))
    assert schedule.is_due(61 * 10**9, has_model=False, past=Past(2.0))
    schedule.tried(61 * 10**9)
    assert not schedule.is_due(150 * 10**9, has_model=False, past=Past(2.0))
    schedule.trained(0)
    assert not schedule.is_due(23 * H_NS, has_model=True, past=None)
    assert schedule.is_due(24 * H_NS, has_model=True, past=None)
    assert schedule.is_due(6 * H_NS, has_model=True, past=None, drifted=True)
    assert not schedule.is_due(5 * H_NS, has_model=True, past=None, drifted=True)
    schedule.tried(24 * H_NS)
    assert not schedule.is_due(47 * H_NS, has_model=True, past=None)
    never = Schedule(TrainingSettings(every_h=0))
    never.trained(0)
    assert not never.is_due(10_000 * H_NS, has_model=True, past=None)


def test_learning_says_how_far_it_is() -> None:
    """Days known and wanted stand in every reason, with what it waits for."""
    schedule = Schedule(TrainingSettings(history_days=30, least_days=2))
    assert schedule.why_learning(Past(0.5), running=False) == "learning, 0.5 of 30 days: it begins to judge after 2"
    assert schedule.why_learning(Past(12), running=True) == "learning from 12.0 of 30 days"
    assert "3 of 9 parts" in schedule.why_learning(Past(12, "3 of 9 parts are imported"), running=False)


def test_a_trained_model_is_in_use_and_judges_as_before(tmp_path: Path) -> None:
    """The first training is promoted with its data window and scores; loaded again it judges bit for bit the same."""
    machines, registry = pump(tmp_path), Registry(tmp_path / "models")
    history = course(4_320)
    trained = train(history, machines, registry, least_days=2, held_back=0.25, now_ns=7)
    assert trained.promoted
    assert trained.version.data_end_ns < history.time_ns[-1]
    assert trained.version.scores["known"] > 0.9
    loaded = load_champion(registry, machines)
    assert loaded is not None
    version, assessor = loaded
    assert version == trained.version
    again = Assessor(machines).fit(history.between(0, trained.version.data_end_ns + 1))
    assert assessor.assess(history) == again.assess(history)


def test_only_what_is_better_takes_over(tmp_path: Path) -> None:
    """A challenger with no better fitness on the held-back window is kept but not used, and the note says why."""
    machines, registry = pump(tmp_path), Registry(tmp_path / "models")
    first = train(course(4_320), machines, registry, least_days=2, held_back=0.25, now_ns=1)
    second = train(course(4_320), machines, registry, least_days=2, held_back=0.25, now_ns=2)
    assert (second.promoted, registry.champion) == (False, first.version.number)
    assert second.version.note.startswith("not promoted: fitness")


def test_too_little_history_is_refused(tmp_path: Path) -> None:
    """Empty rows do not count as learnt days, and the error says what is needed."""
    history = course(4_320)
    for column in history.numbers.values():
        column[:3_000] = np.nan
    with pytest.raises(NotEnoughDataError, match=r"0\.92 days.*at least 2"):
        train(history, pump(tmp_path), Registry(tmp_path), least_days=2, held_back=0.2, now_ns=0)
    empty = Window(history.time_ns, 60.0, {"MIX-10.power_w": np.full(4_320, np.nan)})
    with pytest.raises(NotEnoughDataError, match="no row holds a value"):
        train(empty, pump(tmp_path), Registry(tmp_path), least_days=2, held_back=0.2, now_ns=0)


def test_a_model_of_another_plant_is_not_used(tmp_path: Path) -> None:
    """After the description of the plant changed, its model is refused with the remedy, and the next one takes over."""
    machines, registry = pump(tmp_path), Registry(tmp_path / "models")
    train(course(4_320), machines, registry, least_days=2, held_back=0.25, now_ns=1)
    changed = machines.model_copy(update={"title": "Another pump"})
    with pytest.raises(UnusableInputError, match="another description"):
        load_champion(registry, changed)
    assert train(course(4_320), changed, registry, least_days=2, held_back=0.25, now_ns=2).promoted


def test_alarms_survive_a_restart(tmp_path: Path) -> None:
    """What was saved is there again; a damaged file begins anew instead of stopping analytics."""
    path = tmp_path / "alarms.json"
    alarms = {("MIX-10", "anomaly"): Alarm(raised=True, acknowledged=False, raised_ns=5, changing_since_ns=9)}
    Keepsake(path).save(alarms)
    assert Keepsake(path).load() == alarms
    path.write_text("{", encoding="utf-8")
    assert Keepsake(path).load() == {}
    path.write_text('{"format": "showroom-alarm-states/1", "alarms": [{"unit": "A"}]}', encoding="utf-8")
    assert Keepsake(path).load() == {}
    assert Keepsake(tmp_path / "none.json").load() == {}


def test_operators_acknowledge_and_shelve(tmp_path: Path) -> None:
    """Requests are done once, in order; what is none is said and deleted, and a wrong name is refused at once."""
    limits = {"anomaly": AlarmSettings(limit=1.0).rule}
    cycle = Cycle(limits, load_maintenance(), {("MIX-10", "anomaly"): Alarm(raised=True, acknowledged=False)})
    leave_request(tmp_path, "acknowledge", "MIX-10.anomaly", 0, 1)
    leave_request(tmp_path, "shelve", "MIX-10.anomaly", 2, 2)
    leave_request(tmp_path, "acknowledge", "NO-1.anomaly", 0, 3)
    (tmp_path / "9.json").write_text('{"action": "dance"}', encoding="utf-8")
    told = list(take_requests(tmp_path, cycle))
    assert told[:3] == [
        "acknowledge MIX-10.anomaly",
        "shelve MIX-10.anomaly",
        "acknowledge NO-1.anomaly: there is no such alarm",
    ]
    assert "is no request" in told[3]
    alarm = cycle.alarms["MIX-10", "anomaly"]
    assert (alarm.state(2), alarm.state(3 * H_NS)) == (AlarmState.SHELVED, AlarmState.ACKNOWLEDGED)
    assert list(take_requests(tmp_path, cycle)) == []
    with pytest.raises(UnusableInputError, match=r"MIX-10\.anomaly"):
        leave_request(tmp_path, "acknowledge", "anomaly", 0, 4)


def test_declared_gaps_empty_the_rows_they_touch() -> None:
    """Rows that overlap a gap hold no value, others and other signals keep theirs."""
    window = Window(
        T0_NS + (np.arange(6, dtype=np.int64) + 1) * MINUTE_NS, 60.0, {"A-1.x": np.arange(6.0), "B-1.y": np.arange(6.0)}
    )
    blank(window, (T0_NS + MINUTE_NS + 1, T0_NS + 3 * MINUTE_NS + 1), ["A-1.x"])
    np.testing.assert_array_equal(window.number("A-1.x"), [0, np.nan, np.nan, np.nan, 4, 5])
    assert window.number("B-1.y").tolist() == list(range(6))


def test_parts_of_the_past_join_without_a_seam() -> None:
    """A signal that is silent at the begin of a part repeats the last value, or bad mark, of the part before."""

    def part(begin: int, values: list[float], bad: list[bool]) -> Window:
        times = T0_NS + (begin + np.arange(len(values), dtype=np.int64) + 1) * MINUTE_NS
        return Window(times, 60.0, {"A-1.x": np.array(values)}, {}, {"A-1.x": np.array(bad)} if any(bad) else {})

    nan = np.nan
    whole = joined(
        [part(0, [1, 2], [False, False]), part(2, [nan, 3], [False, False]), part(4, [nan, nan], [False] * 2)]
    )
    assert whole.number("A-1.x").tolist() == [1, 2, 2, 3, 3, 3]
    whole = joined([part(0, [1, nan], [False, True]), part(2, [nan, 3], [False, False])])
    np.testing.assert_array_equal(whole.number("A-1.x"), [1, nan, nan, 3])
    assert whole.bad["A-1.x"].tolist() == [False, True, True, False]
