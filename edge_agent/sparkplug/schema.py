"""Protobuf message classes of Sparkplug B, built from a descriptor at import: no generated code, C speed.

Field numbers are those of the Sparkplug B 3.0 specification, chapter 6.4 ("Google Protocol Buffer Schema"). DataSet,
Template and extension values are declared as bytes: the wire form is the same, and they pass through undecoded.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "showroom.sparkplug"

_PROPERTY_VALUE = (
    ("type", 1, "UINT32"),
    ("is_null", 2, "BOOL"),
    ("int_value", 3, "UINT32", "value"),
    ("long_value", 4, "UINT64", "value"),
    ("float_value", 5, "FLOAT", "value"),
    ("double_value", 6, "DOUBLE", "value"),
    ("boolean_value", 7, "BOOL", "value"),
    ("string_value", 8, "STRING", "value"),
    ("propertyset_value", 9, "BYTES", "value"),
    ("propertysets_value", 10, "BYTES", "value"),
)
_PROPERTY_SET = (("keys", 1, "STRING[]"), ("values", 2, "PropertyValue[]"))
_METRIC = (
    ("name", 1, "STRING"),
    ("alias", 2, "UINT64"),
    ("timestamp", 3, "UINT64"),
    ("datatype", 4, "UINT32"),
    ("is_historical", 5, "BOOL"),
    ("is_transient", 6, "BOOL"),
    ("is_null", 7, "BOOL"),
    ("metadata", 8, "BYTES"),
    ("properties", 9, "PropertySet"),
    ("int_value", 10, "UINT32", "value"),
    ("long_value", 11, "UINT64", "value"),
    ("float_value", 12, "FLOAT", "value"),
    ("double_value", 13, "DOUBLE", "value"),
    ("boolean_value", 14, "BOOL", "value"),
    ("string_value", 15, "STRING", "value"),
    ("bytes_value", 16, "BYTES", "value"),
    ("dataset_value", 17, "BYTES", "value"),
    ("template_value", 18, "BYTES", "value"),
    ("extension_value", 19, "BYTES", "value"),
)
_PAYLOAD = (
    ("timestamp", 1, "UINT64"),
    ("metrics", 2, "Metric[]"),
    ("seq", 3, "UINT64"),
    ("uuid", 4, "STRING"),
    ("body", 5, "BYTES"),
)


def _add_message(file: Any, name: str, fields: tuple[tuple[Any, ...], ...]) -> None:
    message = file.message_type.add(name=name)
    for field_name, number, kind, *oneof in fields:
        repeated = kind.endswith("[]")
        kind = kind.removesuffix("[]")
        field = message.field.add(
            name=field_name,
            number=number,
            label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        )
        scalar = getattr(_Field, f"TYPE_{kind}", None)
        if scalar is None:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{kind}"
        else:
            field.type = scalar
        if oneof:
            if not message.oneof_decl:
                message.oneof_decl.add(name=oneof[0])
            field.oneof_index = 0


def _build(*, read_metrics: bool) -> Any:
    payload = [
        field if read_metrics or field[0] != "metrics" else ("metrics", field[1], "BYTES[]") for field in _PAYLOAD
    ]
    file = descriptor_pb2.FileDescriptorProto(name="showroom/sparkplug.proto", package=_PACKAGE, syntax="proto2")
    _add_message(file, "PropertyValue", _PROPERTY_VALUE)
    _add_message(file, "PropertySet", _PROPERTY_SET)
    _add_message(file, "Metric", _METRIC)
    _add_message(file, "Payload", tuple(payload))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _message_class(pool: Any, name: str) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_POOL = _build(read_metrics=True)
PayloadMessage: Any = _message_class(_POOL, "Payload")
"""Protobuf class of a whole payload. Hot paths use it directly; everything else uses edge_agent.sparkplug.payload."""
MetricMessage: Any = _message_class(_POOL, "Metric")
"""Protobuf class of one metric."""

EnvelopeMessage: Any = _message_class(_build(read_metrics=False), "Payload")
"""The same wire form as a payload with every metric left as bytes: a receiver of much data reads their fields by
column, which costs a small part of an object for each of them."""
