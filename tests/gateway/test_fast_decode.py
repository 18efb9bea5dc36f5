"""The fast path over many messages at once, against the careful path on each."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sparkplug.births import historical
from edge_agent.sparkplug.encoder import Declaration, Encoder
from edge_agent.sparkplug.log_row import AliasKey
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import Payload, PayloadError, encode, parse, parse_envelope
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.columns import join
from gateway.decode import Aliases, read_birth, read_data
from gateway.fast_decode import Part, read_fast
from gateway.store.base import SeriesKey
from tests.gateway.test_decode import TYPES, messages, rows_of, value_of
from tests.gateway.wire import T0_MS

_FIELDS = ("alias", "timestamp", "datatype", "is_historical", "is_null", "properties", "value")


def device(catalogue: Catalogue, name: str, first_alias: int, types: list[DataType]) -> Aliases:
    """Aliases of a device whose metrics are numbered from `first_alias`."""
    metrics = [
        Metric(f"m{n}", kind, None, T0_MS, first_alias + n, properties={"origin": "replayed"})
        for n, kind in enumerate(types)
    ]
    key = SeriesKey("showroom", "line-edge", name, "")
    return read_birth(parse(encode(Payload(T0_MS, metrics))), key, catalogue).aliases


def bodies(payload: bytes) -> list[bytes]:
    return list(parse_envelope(payload).metrics)


def unborn(alias: int) -> AliasKey:
    raise AssertionError(f"alias {alias} was declared")


def careful_rows(metrics: list[bytes], aliases: Aliases, catalogue: Catalogue) -> list[tuple[Any, ...]] | None:
    """Rows of a message by the careful path; None where it finds anything bad or unknown."""
    envelope = parse_envelope(b"")
    envelope.metrics.extend(metrics)
    try:
        message = parse(envelope.SerializeToString())
    except PayloadError:
        return None
    decoded = read_data(message.metrics, 0, aliases, catalogue, numbered=True)
    return None if decoded.bad or decoded.unknown or decoded.control else rows_of(join([decoded.rows]))


def shuffled(body: bytes, order: random.Random) -> bytes:
    """The same metric with its fields in another order, which protobuf allows."""
    whole = parse(bytes([0x12, len(body)]) + body).metrics[0]
    parts = []
    for field, value in whole.ListFields():
        one = type(whole)()
        if field.type == field.TYPE_MESSAGE:
            getattr(one, field.name).CopyFrom(value)
        else:
            setattr(one, field.name, value)
        parts.append(one.SerializeToString())
    order.shuffle(parts)
    return b"".join(parts)


@settings(max_examples=200, deadline=None)
@given(st.lists(messages(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_messages_decoded_together_give_the_rows_of_each(cases: list[tuple[list[DataType], bytes]], order: Any) -> None:
    """Messages of several devices together give what the careful path gives for each, in any order of fields."""
    catalogue = Catalogue()
    parts = []
    for number, (types, payload) in enumerate(cases):
        aliases = device(catalogue, f"unit-{number % 2}", 1, types)
        parts.append(Part([shuffled(body, order) for body in bodies(payload)], aliases))
    rows, usual = read_fast(parts)
    expected: list[tuple[Any, ...]] = []
    for (types, _), part, is_usual in zip(cases, parts, usual, strict=True):
        assert is_usual is (DataType.INT8 not in types)
        if is_usual:
            found = careful_rows(list(part.metrics), part.aliases, catalogue)
            assert found is not None
            expected += found
    assert rows_of(join([rows])) == expected


@settings(max_examples=400, deadline=None)
@given(messages(), st.data())
def test_altered_bytes_are_read_as_the_careful_path_reads_them(
    case: tuple[list[DataType], bytes], data: st.DataObject
) -> None:
    """Where bytes of a message were altered, cut or repeated, the fast path agrees with the careful one or declines."""
    types, payload = case
    catalogue = Catalogue()
    aliases = device(catalogue, "unit", 1, types)
    metrics = bodies(payload)
    victim = data.draw(st.integers(0, len(metrics) - 1))
    body = bytearray(metrics[victim])
    place = data.draw(st.integers(0, len(body) - 1))
    end = data.draw(st.integers(place, len(body)))
    body[place:end] = data.draw(st.binary(max_size=6))
    metrics[victim] = bytes(body)
    rows, (usual,) = read_fast([Part(metrics, aliases)])
    if usual:
        assert rows_of(join([rows])) == careful_rows(metrics, aliases, catalogue)
    else:
        assert not len(rows)


@st.composite
def offered(draw: st.DrawFn) -> list[tuple[int, int, Any, Quality]]:
    """Values as sources give them: number of the metric, time, value, quality."""
    kinds = [kind for kind in TYPES if kind is not DataType.INT8]
    values = []
    for _ in range(draw(st.integers(1, 20))):
        number = draw(st.integers(0, len(kinds) - 1))
        quality = draw(st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.STALE]))
        value = draw(value_of(kinds[number])) if quality in (Quality.GOOD, Quality.UNCERTAIN) else None
        values.append((number, draw(st.integers(10**18, 2 * 10**18)), value, quality))
    return values


@settings(max_examples=100, deadline=None)
@given(offered(), st.booleans())
def test_everything_our_edges_send_takes_the_fast_path(values: list[tuple[int, int, Any, Quality]], late: bool) -> None:
    """Live and resent messages of the edge's own encoder are usual and keep every value."""
    kinds = [kind for kind in TYPES if kind is not DataType.INT8]
    encoder = Encoder({})
    for number, kind in enumerate(kinds):
        encoder.add(number, Declaration("unit", f"m{number}", kind, Origin.REPLAYED), 200 * number + 1, number)
    messages, refused = encoder.encode(values, 0)
    assert not refused
    catalogue = Catalogue()
    aliases = Aliases(SeriesKey("showroom", "line-edge", "unit", ""))
    for number, kind in enumerate(kinds):
        born = device(catalogue, "unit", 200 * number + 1, [DataType.DOUBLE] * number + [kind])
        aliases.declare(f"m{number}", 200 * number + 1, born.by_name[f"m{number}"])
    payloads = [message.payload for message in messages]
    if late:
        payloads = [historical(payload, frozenset(aliases.by_alias), unborn) for payload in payloads]
    parts = [Part(bodies(payload), aliases) for payload in payloads]
    rows, usual = read_fast(parts)
    assert all(usual)
    expected = [careful_rows(list(part.metrics), aliases, catalogue) for part in parts]
    assert rows_of(join([rows])) == [row for message in expected for row in message or ()]
    assert len(rows) == len(values) - encoder.counts.duplicates


def test_nothing_gives_nothing() -> None:
    """A bundle without messages, and a message without metrics, are usual and have no rows."""
    aliases = device(Catalogue(), "unit", 1, [DataType.DOUBLE])
    assert [len(part) for part in read_fast([])] == [0, 0]
    rows, usual = read_fast([Part([], aliases), Part([], aliases)])
    assert (len(rows), usual) == (0, [True, True])
