"""The durable log: numbering, deletion, limits, full disks and damaged files."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sparkplug.delivery import GAP, Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log import DurableLog, LogConfig
from edge_agent.sparkplug.log_file import open_log as open_file
from edge_agent.sparkplug.log_row import AliasKey, NewRow, gap_row
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.overflow import Sent, nothing_sent
from edge_agent.sparkplug.payload import decode
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.salvage import LSN_MARGIN
from edge_agent.sparkplug.settings import ConfigError
from edge_agent.sparkplug.unique_times import MAX_OFFSET, SeriesTimes
from edge_agent.sparkplug.watermark import watermark_path
from edge_agent.sparkplug.wire import metric_field, metric_start, payload_time, value_writer, varint

MS = 1_000_000
HOUR_NS = 3_600_000_000_000
ROOMY_DISK = (10**12, 10**12)

Open = Callable[..., DurableLog]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    """Open the one log of the test, again and again; closed with the test."""
    opened: list[DurableLog] = []

    def start(now_ns: int = 1, **options: Any) -> DurableLog:
        for log in opened:
            log.close()
        disk = options.pop("disk", lambda: ROOMY_DISK)
        config = LogConfig.model_validate({"path": tmp_path / "log.db", **options})
        log = DurableLog(config, open_file(config.path, now_ns), disk=disk)
        opened.append(log)
        return log

    yield start
    for log in opened:
        log.close()


def aliased(log: DurableLog) -> DurableLog:
    log.aliases.of([AliasKey("D", f"m{number}", DataType.DOUBLE, Origin.REAL) for number in range(1, 5)])
    return log


def row(first: int, count: int = 1, device: str = "D", aliases: int = 1) -> NewRow:
    """A message of `count` steps of `aliases` doubles, one step per millisecond from `first` on."""
    write = value_writer(DataType.DOUBLE)
    chunks = [
        metric_field(metric_start(alias, DataType.DOUBLE) + varint(first + step) + write(float(first + step)))
        for step in range(count)
        for alias in range(1, aliases + 1)
    ]
    payload = payload_time(first * MS) + b"".join(chunks)
    return NewRow(device, first * MS, first * MS, (first + count - 1) * MS, count * aliases, payload)


def lsns(log: DurableLog) -> list[int]:
    return [logged.lsn for logged in log.rows(1, log.next_lsn, 100_000)]


def gaps(log: DurableLog) -> list[Gap]:
    found = []
    for logged in log.rows(1, log.next_lsn, 100_000):
        found += [Gap.from_json(str(metric.value)) for metric in decode(logged.payload).metrics if metric.name == GAP]
    return found


def values(log: DurableLog) -> list[float]:
    return [
        metric.value  # type: ignore[misc]
        for logged in log.rows(1, log.next_lsn, 100_000)
        for metric in decode(logged.payload).metrics
        if metric.name != GAP
    ]


def test_rows_survive_and_numbers_go_on(open_log: Open) -> None:
    """What was appended is there after opening again, numbered on in the same epoch, also when all was deleted."""
    log = open_log()
    assert log.append([row(1), row(2)], 1).lsns == [1, 2]
    epoch = log.epoch
    assert 0 < epoch < 1 << 63
    log = open_log()
    assert (log.epoch, log.next_lsn, log.count, log.first_lsn) == (epoch, 3, 2, 1)
    log.acknowledge(IntervalSet([(1, 2)]), {})
    assert (log.count, log.bytes, log.first_lsn, log.oldest_ns) == (0, 0, 3, 0)
    log = open_log()
    assert (log.epoch, log.next_lsn, log.first_lsn) == (epoch, 3, 3)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=8))
@settings(max_examples=20, deadline=None)
def test_exactly_the_acknowledged_messages_are_deleted(
    tmp_path_factory: pytest.TempPathFactory, acknowledged: list[tuple[int, int]]
) -> None:
    """Any set of intervals deletes its members and nothing else, and the counts stay exact."""
    log = DurableLog.open(LogConfig(path=tmp_path_factory.mktemp("log") / "log.db"), 1)
    log.append([row(number) for number in range(1, 31)], 1)
    stored = IntervalSet((first, first + length) for first, length in acknowledged)
    log.acknowledge(stored, {})
    kept = [number for number in range(1, 31) if number not in stored]
    assert lsns(log) == kept
    assert log.count == len(kept)
    assert (
        log.intervals().missing(1, 30) == IntervalSet([(1, 30)]) if not kept else log.intervals().count() == len(kept)
    )
    log.acknowledge(IntervalSet([(1, 100)]), {})
    assert (log.count, log.bytes) == (0, 0)
    log.close()


def test_alias_is_never_used_again(open_log: Open) -> None:
    """Another type or origin gets another alias, the same one gets the same, across restarts."""
    log = open_log()
    double = AliasKey("D", "flow", DataType.DOUBLE, Origin.REAL)
    text = double._replace(datatype=DataType.STRING)
    replayed = double._replace(origin=Origin.REPLAYED)
    assert log.aliases.of([double, text, double]) == [1, 2, 1]
    log = open_log()
    assert log.aliases.of([replayed, double, text]) == [3, 1, 2]
    assert log.aliases.first("D", "flow") == 1


def test_times_are_remembered(open_log: Open) -> None:
    """The state of unique times comes back as it was kept, with the deletion of the rows that held it."""
    times = SeriesTimes()
    times.accept(100, 1.5, Quality.GOOD)
    log = open_log()
    log.append([row(1)], 1)
    log.acknowledge(IntervalSet([(1, 1)]), {7: times.state()})
    assert open_log().times() == {7: times.state()}


@pytest.mark.parametrize("policy", ["oldest", "newest", "thin_out"])
def test_full_log_keeps_its_limit_and_declares_every_loss(open_log: Open, policy: str) -> None:
    """Beyond max_bytes the declared policy gives way; what is left and what the gaps count is what was offered."""
    log = open_log(max_bytes=100_000, overflow=policy)
    offered = 0
    for number in range(1, 301):
        log.append([row(number * 50, count=40)], number)
        offered += 40
        if number % 50 == 0:
            log.append(log.take_refused(number), number)
        assert log.bytes <= 110_000
    declared = Counter[str]()
    for gap in gaps(log):
        assert gap.device_id == "D"
        assert gap.metric is None
        assert gap.count is not None
        declared[gap.cause] += gap.count
    left = values(log)
    assert len(left) + sum(declared.values()) == offered
    assert declared["log_overflow"] == log.drops.log_overflow
    assert declared["log_thinned"] == log.drops.log_thinned
    if policy == "newest":
        assert left[0] == 50.0
        assert declared["log_thinned"] == 0
    else:
        assert left[-1] == 15_039.0
    if policy == "thin_out":
        assert declared["log_thinned"] > declared["log_overflow"]
    reopened = open_log(max_bytes=100_000, overflow=policy)
    assert (reopened.count, reopened.bytes) == (log.count, log.bytes)


def test_thinning_takes_every_second_value_of_each_series(open_log: Open) -> None:
    """Thinning halves every series alike, across messages, and the gap spans exactly what is gone."""
    log = open_log(max_bytes=100_000, overflow="thin_out")
    number = 0
    while not log.drops.log_thinned:
        number += 1
        log.append([row(number, aliases=4)], number)
    thinned = {alias: [] for alias in range(1, 5)}  # type: ignore[var-annotated]
    for logged in log.rows(1, log.next_lsn, 100_000):
        for metric in decode(logged.payload).metrics:
            if metric.alias is not None:
                thinned[metric.alias].append(metric.value)
    (gap,) = gaps(log)
    lost = log.drops.log_thinned // 4
    for kept in thinned.values():
        missing = sorted(set(range(1, number + 1)) - {int(value) for value in kept})
        assert missing == [2 * index for index in range(1, lost + 1)]
        assert gap.from_ns == missing[0] * MS - MAX_OFFSET
        assert gap.to_ns == missing[-1] * MS
    assert gap.count == 4 * lost


def test_old_messages_are_dropped_and_declared(open_log: Open) -> None:
    """Messages beyond the age limit become one gap per device; younger ones and gap records stay."""
    log = open_log(max_age_h=1)
    now_ns = 10 * HOUR_NS
    old, young = now_ns - 2 * HOUR_NS, now_ns - HOUR_NS // 2
    log.append([row(old // MS, 3), row(old // MS + 5, 3, device="E"), row(young // MS)], now_ns)
    log.append([gap_row(Gap("D", None, 1, 2, None, "source_down"), old)], now_ns)
    assert len(log.drop_old(now_ns, nothing_sent())) == 2
    assert {(gap.device_id, gap.cause, gap.count) for gap in gaps(log)} == {
        ("D", "log_overflow", 3),
        ("E", "log_overflow", 3),
        ("D", "source_down", None),
    }
    assert len(values(log)) == 1
    assert log.drops.log_overflow == 6


def test_nearly_full_disk_is_a_lower_limit(open_log: Open) -> None:
    """Where other programs fill the disk the oldest messages give way before the disk is full."""
    log = open_log(disk=lambda: (100_000_000, 1_000_000))
    for number in range(1, 300):
        log.append([row(number, 100)], number)
    assert log.drops.log_overflow > 0
    size = log._database.execute("PRAGMA page_count").fetchone()[0] * 4096
    assert size < 600_000
    assert values(log)[-1] == 398.0


def test_disk_full_changes_nothing(open_log: Open) -> None:
    """An append that the disk refuses raises, changes neither rows nor numbers, and works when there is room again."""
    log = open_log()
    log.append([row(1)], 1)
    pages = log._database.execute("PRAGMA page_count").fetchone()[0]
    log._database.execute(f"PRAGMA max_page_count={pages + 2}")
    big = NewRow("D", 1, 1, 1, 1, payload_time(MS) + b"\x12" + varint(200_000) + bytes(200_000))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        log.append([row(2), big], 2)
    assert (log.next_lsn, log.count, lsns(log)) == (2, 1, [1])
    log._database.execute("PRAGMA max_page_count=1000000")
    assert log.append([row(2), row(3)], 3).lsns == [2, 3]


def test_second_agent_is_refused(open_log: Open, tmp_path: Path) -> None:
    """Two programs never use one log: the second gets an error that says so."""
    log = open_log()
    log.append([row(1)], 1)
    with pytest.raises(ConfigError, match="another edge agent"):
        DurableLog.open(LogConfig(path=tmp_path / "log.db"), 2)


def test_newer_format_is_refused(open_log: Open, tmp_path: Path) -> None:
    """A file of a later version is left alone, with the remedy."""
    open_log().close()
    database = sqlite3.connect(tmp_path / "log.db")
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(ConfigError, match="start the newer version"):
        open_log()


def test_missing_folder_is_explained(tmp_path: Path) -> None:
    """A log in a folder that does not exist is a configuration error."""
    with pytest.raises(ConfigError, match="create it"):
        DurableLog.open(LogConfig(path=tmp_path / "nowhere" / "log.db"), 1)


@pytest.fixture
def filled(open_log: Open, tmp_path: Path) -> tuple[Path, int]:
    """A closed log of 300 messages, 3 of them acknowledged; its path and epoch."""
    log = aliased(open_log())
    log.append([row(number, 20) for number in range(1, 301)], 1)
    log.acknowledge(IntervalSet([(1, 3)]), {})
    log.mark(400 * MS)
    epoch = log.epoch
    log.close()
    return tmp_path / "log.db", epoch


@given(position=st.integers(0, 999), size=st.integers(1, 3_000))
@settings(max_examples=15, deadline=None)
def test_overwritten_bytes_cost_what_they_hit(
    tmp_path_factory: pytest.TempPathFactory, position: int, size: int
) -> None:
    """Wherever bytes are overwritten: no crash, no wrong or invented message, and the loss is declared."""
    path = tmp_path_factory.mktemp("damage") / "log.db"
    log = aliased(DurableLog.open(LogConfig(path=path), 1))
    log.append([row(number, 20) for number in range(1, 301)], 1)
    log.mark(400 * MS)
    epoch, expected = log.epoch, {logged.lsn: logged.payload for logged in log.rows(1, 300, 300)}
    log.close()
    content = bytearray(path.read_bytes())
    begin = len(content) * position // 1_000
    content[begin : begin + size] = b"\xa5" * min(size, len(content) - begin)
    path.write_bytes(content)
    log = DurableLog.open(LogConfig(path=path), 5)
    found = {logged.lsn: logged.payload for logged in log.rows(1, 10**9, 1_000)}
    assert found.items() <= expected.items()
    if set(found) < set(expected):
        assert log.opened.damage
        assert log.opened.lost is not None
        assert log.opened.lost[0] <= MS
        assert log.opened.lost[1] >= 400 * MS
    assert log.epoch != epoch or log.next_lsn > 300
    log.append([row(999)], 6)
    log.close()


def test_damaged_file_is_kept_aside(filled: tuple[Path, int], open_log: Open) -> None:
    """A file with a broken page is moved away, the rest of its rows is delivered, numbers are left out for safety."""
    path, epoch = filled
    content = bytearray(path.read_bytes())
    content[-40_000:-36_000] = bytes(4_000)
    path.write_bytes(content)
    log = open_log(now_ns=777)
    assert log.opened.damage
    assert log.epoch == epoch
    assert log.next_lsn >= 301 + LSN_MARGIN
    assert 250 < log.count < 297
    assert (path.parent / "log.db.damaged-777").exists()
    assert log.aliases.of([AliasKey("D", "m2", DataType.DOUBLE, Origin.REAL)]) == [2]
    assert log.aliases.of([AliasKey("D", "new", DataType.DOUBLE, Origin.REAL)])[0] > LSN_MARGIN
    assert log.opened.lost == (4 * MS, 400 * MS)


def test_destroyed_file_begins_a_new_epoch(filled: tuple[Path, int], open_log: Open) -> None:
    """Where nothing can be read a new epoch begins, and what the log had held is declared lost."""
    path, epoch = filled
    path.write_bytes(b"this is no database" * 1_000)
    log = open_log(now_ns=777)
    assert log.epoch != epoch
    assert log.count == 0
    assert log.opened.lost == (4 * MS, 400 * MS)


def test_removed_file_is_noticed(filled: tuple[Path, int], open_log: Open) -> None:
    """Where somebody deleted the file, the watermark beside it tells what was lost."""
    path, _ = filled
    path.unlink()
    assert open_log().opened.lost == (4 * MS, 400 * MS)


def test_vanished_tail_is_noticed(open_log: Open, tmp_path: Path) -> None:
    """Messages cut off the end without a trace are declared lost, and their numbers are not used again."""
    log = open_log()
    log.append([row(number) for number in range(1, 101)], 1)
    log.close()
    whole = (tmp_path / "log.db").read_bytes()
    log = open_log()
    log.append([row(number) for number in range(101, 111)], 1)
    log.mark(110 * MS)
    log.close()
    (tmp_path / "log.db").write_bytes(whole)  # an older copy: as if the newest part had never reached the disk
    log = open_log()
    assert log.opened.damage == "the last 10 messages are missing"
    assert log.opened.lost == (100 * MS, 110 * MS)
    assert log.next_lsn == 111 + LSN_MARGIN
    assert log.count == 100


def test_damaged_watermark_is_ignored(filled: tuple[Path, int], open_log: Open) -> None:
    """A watermark that fails its check sum is not believed, and harms nothing."""
    path, epoch = filled
    watermark_path(path).write_bytes(b"nonsense")
    log = open_log()
    assert (log.epoch, log.count, log.opened.damage) == (epoch, 297, "")


def test_silence_of_known_devices_survives_crashes(open_log: Open) -> None:
    """The silence begins once, with the delay of the source or at its own clock, and stays until it is declared."""
    log = open_log()
    log.devices.assign("D", "plc", own_clock=False)
    log.devices.assign("R", "replay", own_clock=True)
    log.append([], 1, {"replay": 55, "plc": 900})
    log.devices.begin_silence(1_000, {"plc": 30}, 20)
    log = open_log()
    log.devices.begin_silence(2_000, {"plc": 30}, 20)
    assert log.devices.silent() == {"D": 970, "R": 55}
    logged = log.end_silence("D", gap_row(Gap("D", None, 970, 2_500, None, "edge_down"), 3_000))
    assert logged is not None
    assert log.end_silence("R", None) is None
    log = open_log()
    assert log.devices.silent() == {}
    assert [json.loads(gap.to_json())["cause"] for gap in gaps(log)] == ["edge_down"]


def test_altered_value_is_not_delivered(open_log: Open, tmp_path: Path) -> None:
    """A flipped bit within a value, which the database does not notice, costs that message and is declared."""
    log = aliased(open_log())
    log.append([row(number, 20) for number in range(1, 101)], 1)
    log.mark(120 * MS)
    log.close()
    content = (tmp_path / "log.db").read_bytes()
    old, new = (value_writer(DataType.DOUBLE)(number) for number in (119.0, 119.5))
    assert content.count(old) == 1
    (tmp_path / "log.db").write_bytes(content.replace(old, new))
    log = open_log()
    assert log.opened.damage == "message 100 was altered"
    assert log.count == 99
    assert log.opened.lost == (1 * MS, 120 * MS)
    assert 119.5 not in values(log)


def test_silence_of_a_lost_source_survives_a_crash(open_log: Open) -> None:
    """A device that fell silent before a crash stays silent from its source's newest value on, not from the crash."""
    log = aliased(open_log())
    log.devices.assign("D", "press", own_clock=False)
    log.append([row(1000)], 1, {"press": 1000 * MS})
    log.append([row(4000)], 2, {"press": 4000 * MS}, {"D": True})  # the mark of its last will is later than its data
    log = open_log()
    log.devices.begin_silence(9000 * MS, {}, 0)
    assert log.devices.silent() == {"D": 1000 * MS}
    log.append([row(9500)], 3, {"press": 9500 * MS}, {"D": False})
    assert log.devices.silent() == {}


def test_what_was_sent_is_never_counted_as_lost(open_log: Open) -> None:
    """Where the host may have a message that must go, the gap has no count; messages in flight give way last."""
    log = aliased(open_log(max_bytes=100_000))
    sent = Sent(ever=IntervalSet([(1, 4)]), in_flight=IntervalSet([(1, 2)]))
    number = 0
    while not log.drops.log_overflow:
        number += 1
        log.append([row(number * 1000, 50, aliases=4)], 1, sent=lambda: sent)
    held = log.intervals()
    assert [lsn in held for lsn in (1, 2, 3, 4)] == [True, True, False, False]
    counts = [gap.count for gap in gaps(log) if gap.cause == "log_overflow"]
    gone = held.missing(1, log.next_lsn - 1).count()
    assert None in counts
    assert sum(count or 0 for count in counts) == 200 * (gone - 2)
