"""Times of series after a crash: what was remembered, brought up to date with the messages logged since."""

from collections.abc import Mapping

from edge_agent.sparkplug.log import DurableLog
from edge_agent.sparkplug.payload import PayloadError, get_properties, get_value, parse
from edge_agent.sparkplug.properties import QUALITY, SUB_MS
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.unique_times import SeriesTimes, TimeState
from edge_agent.sparkplug.wire import NS_PER_MS

_ROWS_AT_ONCE = 100


def recover_times(log: DurableLog) -> Mapping[int, TimeState]:
    """Return the time state of every series of a log (by its first alias)."""
    states = dict(log.times())
    key_of = {alias: key for key, alias in log.aliases.known().items()}
    fresh: dict[int, SeriesTimes] = {}
    position = log.times_lsn
    while rows := log.rows(position, log.next_lsn, _ROWS_AT_ONCE):
        for row in rows:
            position = row.lsn + 1
            for metric in parse(row.payload).metrics:
                key = key_of.get(metric.alias)
                if key is None or metric.name:
                    continue
                series = log.aliases.first(key.device_id, key.metric)
                times = fresh.get(series)
                if times is None:
                    times = fresh[series] = SeriesTimes(states.get(series))
                _recover(times, metric)
    states.update((series, times.state()) for series, times in fresh.items())
    return states


def _recover(times: SeriesTimes, metric: object) -> None:
    properties = get_properties(metric)
    quality = Quality(int(properties.get(QUALITY, Quality.GOOD)))
    sent_ns = metric.timestamp * NS_PER_MS + int(properties.get(SUB_MS, 0))  # type: ignore[attr-defined]
    try:
        value = get_value(metric, metric.datatype)  # type: ignore[attr-defined]
    except PayloadError:
        value = None
    times.recover(sent_ns, value, quality)
