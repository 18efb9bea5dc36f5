"""Methods that a trainer may call; the access rules let nobody else reach them."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from asyncua import ua

from demo_line.line import LineError
from demo_line.servers.opcua.address_space import object_item, reference_item, value_item
from demo_line.training import Argument, Method

_log = logging.getLogger(__name__)


def training_items(methods: Sequence[Method], index: int) -> list[Any]:
    """The object `Training` with the methods below it."""
    parent = ua.NodeId("Training", index)
    kind = ua.NodeId(ua.ObjectIds.BaseObjectType)
    items = [
        object_item(parent, "Training", "What trainers do to the line", ua.NodeId(ua.ObjectIds.ObjectsFolder), kind)
    ]
    for method in methods:
        items += _method_items(method, method_id(method.name, index), parent)
    return items


def method_id(name: str, index: int) -> ua.NodeId:
    """Node of a method of `Training`."""
    return ua.NodeId(f"Training/{name}", index)


def command_items(names: Sequence[str], machines: Sequence[ua.NodeId]) -> tuple[list[Any], list[Any]]:
    """Nodes and references of commands that all machines share; the object of a call tells which machine is meant."""
    first, *others = machines
    items = [
        _method_item(command_id(name, first.NamespaceIndex), name, f"PackML command {name}", first) for name in names
    ]
    references = []
    for name in names:
        method = command_id(name, first.NamespaceIndex)
        for machine in others:
            for source, target, forward in ((machine, method, True), (method, machine, False)):
                references.append(reference_item(source, target, reference=ua.ObjectIds.HasComponent, forward=forward))
    return items, references


def command_id(name: str, index: int) -> ua.NodeId:
    """Node of a command."""
    return ua.NodeId(f"Commands/{name}", index)


def bound(method: Method) -> Callable[..., Any]:
    """What the server calls for a method: it checks the arguments and turns refusals into status codes."""

    async def call(_object: ua.NodeId, *arguments: ua.Variant) -> ua.CallMethodResult:
        refused = _checked(method.arguments, arguments)
        if refused is not None:
            return refused
        try:
            results = method.call(*(argument.Value for argument in arguments))
        except ValueError as error:
            return rejected(f"{method.name}({', '.join(repr(a.Value) for a in arguments)})", error)
        _log.info("%s(%s)", method.name, ", ".join(repr(argument.Value) for argument in arguments))
        answer = ua.CallMethodResult()
        answer.OutputArguments = [
            ua.Variant(value, ua.VariantType[result.datatype.value])
            for value, result in zip(results, method.results, strict=True)
        ]
        return answer

    return call


def rejected(what: str, error: ValueError) -> ua.CallMethodResult:
    """Answer to a call that is not possible: an unknown name, or something that the line does not accept now."""
    _log.warning("%s: %s", what, error)
    code = ua.StatusCodes.BadInvalidArgument if isinstance(error, LineError) else ua.StatusCodes.BadInvalidState
    return ua.CallMethodResult(ua.StatusCode(code))


def _checked(wanted: Sequence[Argument], given: Sequence[ua.Variant]) -> ua.CallMethodResult | None:
    answer = ua.CallMethodResult()
    if len(given) != len(wanted):
        missing = len(given) < len(wanted)
        code = ua.StatusCodes.BadArgumentsMissing if missing else ua.StatusCodes.BadTooManyArguments
        answer.StatusCode = ua.StatusCode(code)
        return answer
    fits = [
        argument.VariantType.name == one.datatype.value and not argument.is_array
        for one, argument in zip(wanted, given, strict=True)
    ]
    if all(fits):
        return None
    answer.StatusCode = ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
    good, wrong = ua.StatusCode(ua.StatusCodes.Good), ua.StatusCode(ua.StatusCodes.BadTypeMismatch)
    answer.InputArgumentResults = [good if fit else wrong for fit in fits]
    return answer


def _method_items(method: Method, node_id: ua.NodeId, parent: ua.NodeId) -> list[Any]:
    items = [_method_item(node_id, method.name, method.description, parent)]
    for name, arguments in (("InputArguments", method.arguments), ("OutputArguments", method.results)):
        if arguments:
            value = ua.Variant([_argument(argument) for argument in arguments], ua.VariantType.ExtensionObject)
            property_id = ua.NodeId(f"{node_id.Identifier}/{name}", node_id.NamespaceIndex)
            items.append(value_item(property_id, name, node_id, value, datatype=ua.ObjectIds.Argument, name_index=0))
    return items


def _method_item(node_id: ua.NodeId, name: str, description: str, parent: ua.NodeId) -> ua.AddNodesItem:
    attributes = ua.MethodAttributes(
        DisplayName=ua.LocalizedText(name),
        Description=ua.LocalizedText(description),
        Executable=True,
        UserExecutable=True,
    )
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasComponent),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, node_id.NamespaceIndex),
        NodeClass=ua.NodeClass.Method,
        NodeAttributes=attributes,
    )


def _argument(argument: Argument) -> ua.Argument:
    described = ua.Argument()
    described.Name = argument.name
    described.DataType = ua.NodeId(ua.VariantType[argument.datatype.value].value)
    described.ValueRank = ua.ValueRank.Scalar
    described.Description = ua.LocalizedText(argument.description)
    return described
