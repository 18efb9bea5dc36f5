"""Description of what an OPC UA server shows, free of any library.

Folders of nodes with units, ranges and descriptions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demo_line.measurement import Channel
from demo_line.servers.machine import Nameplate
from demo_line.signals import DataType

# Common codes of UN/CEFACT Recommendation 20, which OPC 10000-8 turns into the unit id of EUInformation.
UNECE_CODES: dict[str, str] = {
    "%": "P1", "°C": "CEL", "K": "KEL", "bar": "BAR", "mbar": "MBR", "Pa": "PAL", "kPa": "KPA",
    "L": "LTR", "L/h": "E32", "L/min": "L2", "m³": "MTQ", "m³/h": "MQH", "m³/min": "G53",
    "W": "WTT", "kW": "KWT", "VA": "D46", "Wh": "WHR", "kWh": "KWH", "A": "AMP", "mA": "4K", "V": "VLT", "Hz": "HTZ",
    "rpm": "RPM", "mm": "MMT", "m": "MTR", "mm/s": "C16", "m/s": "MTS", "m/s²": "MSK", "W/m²": "D54", "g": "GRM",
    "kg": "KGM", "N": "NEW", "N·m": "NU", "s": "SEC", "ms": "C26", "min": "MIN", "h": "HUR", "°Bx": "J18", "1": "C62",
    "mS/cm": "H61",
}  # fmt: skip

# Acceleration in multiples of g shares its text with gram; names that end so are meant as acceleration.
_STANDARD_GRAVITY = "K40"

_SPELLINGS = {
    "degC": "°C", "C": "°C", "celsius": "°C", "l/h": "L/h", "l": "L", "l/min": "L/min", "m3/h": "m³/h", "m3/min":
    "m³/min", "m3": "m³",
    "1/min": "rpm", "Nm": "N·m", "percent": "%", "m/s2": "m/s²", "Volt": "V", "Ampere": "A",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """One variable.

    Attributes:
        node_id: string identifier, stable for ever.
        name: browse name.
        datatype: type of its value.
        unit: engineering unit; empty where there is none.
        low, high: range of the instrument; None where unknown.
        description: one line for people.
    """

    node_id: str
    name: str
    datatype: DataType
    unit: str = ""
    low: float | None = None
    high: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """One object below the root: a unit, or a group of columns of a recording.

    Attributes:
        name: name and identifier of the object.
        description: one line for people.
        nodes: its variables.
        nameplate: given where the folder is a machine, which is then shown among `Machines` too.
    """

    name: str
    description: str
    nodes: Sequence[NodeDescription]
    nameplate: Nameplate | None = None


def folders_of(channels: Iterable[Channel], nameplates: Mapping[str, Nameplate]) -> list[Folder]:
    """One folder per unit; the nodes, taken over all folders, are in the order of the channels."""
    grouped: dict[str, list[NodeDescription]] = {}
    for channel in channels:
        signal = channel.signal
        grouped.setdefault(channel.unit_id, []).append(
            NodeDescription(
                channel.name, signal.name, signal.datatype, signal.unit, signal.low, signal.high, signal.description
            )
        )
    return [
        Folder(unit_id, nameplates[unit_id].model, nodes, nameplates[unit_id]) for unit_id, nodes in grouped.items()
    ]


def spelt(unit: str) -> str:
    """The project's spelling of an engineering unit, e.g. `degC` -> `°C`; unknown ones stay as they are."""
    return _SPELLINGS.get(unit, unit)


def unece_unit_id(unit: str, name: str = "") -> int:
    """Unit id of EUInformation: the characters of the common code as a number (OPC 10000-8, 5.6.4).

    -1 where there is no code.
    """
    code = _STANDARD_GRAVITY if unit == "g" and "acceleration" in name else UNECE_CODES.get(unit)
    return -1 if code is None else int.from_bytes(code.encode("ascii"), "big")
