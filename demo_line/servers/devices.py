"""The plant's plain-MQTT devices at their broker, each over a connection of its own as the real ones are."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator, default_rng

from demo_line.config import (
    DeviceConfig,
    MqttConfig,
    ShellyGen1Config,
    ShellyGen2Config,
    TasmotaConfig,
    VibrationSensorConfig,
)
from demo_line.devices.device import Device
from demo_line.devices.shelly_gen1 import Shelly3EM
from demo_line.devices.shelly_gen2 import ShellyPro3EM
from demo_line.devices.tasmota import TasmotaMeter
from demo_line.devices.vibration_sensor import PUMP, VibrationSensor
from demo_line.journal import Journal
from demo_line.line import LineError, LineState
from demo_line.servers.mqtt import Publisher

_STREAM = 2
"""Random streams of the devices, apart from those of units and sensors."""


def build(config: DeviceConfig, generator: Generator) -> Device:
    """The device that a configuration describes."""
    match config:
        case ShellyGen2Config():
            return ShellyPro3EM(config.topic, config.units, generator, config.period_s, config.energy_period_s)
        case ShellyGen1Config():
            return Shelly3EM(config.topic, config.units, generator, config.period_s)
        case TasmotaConfig():
            return TasmotaMeter(config.topic, config.units, generator, config.period_s, config.time_zone_offset_h)
        case VibrationSensorConfig():
            return VibrationSensor(config.topic, generator, config.axis, config.period_s, config.waveform_period_s)


def check_units(configs: Sequence[DeviceConfig], units: Sequence[str]) -> None:
    """Raise LineError for a device that measures what the line does not have."""
    for config in configs:
        wanted = (PUMP,) if isinstance(config, VibrationSensorConfig) else config.units
        missing = [unit_id for unit_id in wanted if unit_id not in units]
        if missing:
            raise LineError(
                f"mqtt.devices: {config.topic} measures {', '.join(missing)}, which the line does not have; "
                f"its units: {', '.join(units)}"
            )


@dataclass
class _Linked:
    device: Device
    publisher: Publisher
    introduced: int = 0


class Devices:
    """All devices of a configuration.

    Args:
        config: broker and devices.
        units: ids of the line's units.
        seed: of the run; every device has a random stream of its own from it and its topic.
        journal: receives every number that a reader can find at a time of its own, before it is published.

    Raises LineError for a unit that the line does not have, SecretError for a password that cannot be read.
    """

    def __init__(self, config: MqttConfig, units: Sequence[str], seed: int, journal: Journal | None) -> None:
        check_units(config.devices, units)
        self._links = [_linked(config, device, seed, journal) for device in config.devices]

    def start(self) -> None:
        """Connect all in the background."""
        for link in self._links:
            link.publisher.start()

    def stop(self) -> None:
        """Let all say goodbye and disconnect."""
        for link in self._links:
            link.publisher.stop()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted every device that has power."""
        return all(link.publisher.connected for link in self._links if link.device.powered)

    def offer(self, time_ns: int, state: LineState, dt_s: float) -> None:
        """Let every device measure the step that ended at `time_ns`, and publish what is due."""
        for link in self._links:
            device, publisher = link.device, link.publisher
            if publisher.connections != link.introduced:
                link.introduced = publisher.connections
                device.introduce()
            for topic in publisher.take_commands():
                device.command(topic)
            messages = device.step(state, time_ns, dt_s)
            if not device.powered:
                publisher.drop()
                continue
            publisher.start()
            for message in messages:
                publisher.publish(message.topic, message.payload, message.rows, retain=message.retain)


def _linked(config: MqttConfig, device: DeviceConfig, seed: int, journal: Journal | None) -> _Linked:
    made = build(device, default_rng([seed, _STREAM, zlib.crc32(device.topic.encode())]))
    own = config
    if device.username is not None:
        own = config.model_copy(update={"username": device.username, "password_file": device.password_file})
    client_id = device.topic.replace("/", "-")
    return _Linked(made, Publisher(own, client_id, made.presence, journal, made.commands))
