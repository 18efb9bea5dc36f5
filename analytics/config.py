"""Configuration of the live analytics: one TOML file."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from analytics.alarms import AlarmLimit
from analytics.errors import UnusableInputError
from analytics.machines import Machines, load_machines, shipped
from analytics.maintenance import Maintenance, load_maintenance
from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.log import LogConfig
from edge_agent.sparkplug.publisher import NodeIdentity
from edge_agent.sparkplug.settings import ConfigError, Settings, load_settings
from edge_agent.sparkplug.topic import check_name

SparkplugName = Annotated[str, AfterValidator(lambda name: check_name(name, "name"))]


class AnalyticsSettings(Settings):
    """What this process reads, how often it judges, and as whom it publishes.

    Attributes:
        gateway: base address of the gateway whose store is read.
        group_id: site; signals of this group are read, results are published under it.
        edge_node_id: of its results.
        primary_host_id: host application that stores them.
        cycle_s: time between two judgements.
        window_days: what is kept in memory and judged; trends need it, a day costs about 2 MB.
        models: folder of the registry.
        machines: file that describes the plant; the bottling line of the showroom where none is named.
        maintenance: file of the assumptions of work orders; those of the showroom where none is named.
    """

    gateway: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://")
    group_id: SparkplugName
    edge_node_id: SparkplugName = "analytics"
    primary_host_id: SparkplugName
    cycle_s: float = Field(default=10.0, ge=1, le=3_600)
    window_days: float = Field(default=14.0, ge=0.05, le=90)
    models: Path = Path("models")
    machines: Path | None = None
    maintenance: Path | None = None


class TrainingSettings(Settings):
    """When models are trained, and from what.

    Attributes:
        history_days: of stored data that are learnt from.
        least_days: below that nothing is learnt, and the page says so.
        every_h: hours between two trainings by schedule; 0 = only the first, and by command.
        held_back: share of the history, its end, on which champion and challenger are compared.
        limit_s: a training that takes longer is ended.
    """

    history_days: float = Field(default=30.0, gt=0, le=366)
    least_days: float = Field(default=2.0, gt=0, le=366)
    every_h: float = Field(default=24.0, ge=0, le=8_760)
    held_back: float = Field(default=0.2, gt=0, lt=0.9)
    limit_s: float = Field(default=600.0, ge=10, le=86_400)


class AlarmSettings(Settings):
    """Limit of one quantity; see analytics.alarms.AlarmLimit."""

    limit: float
    deadband: float = Field(default=0.0, ge=0)
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    priority: int = Field(default=3, ge=1, le=3)

    @property
    def rule(self) -> AlarmLimit:
        """The limit."""
        return AlarmLimit(self.limit, self.deadband, self.on_delay_s, self.off_delay_s, self.priority)


USUAL_ALARMS = {
    "anomaly": AlarmSettings(limit=1.0, deadband=0.15, on_delay_s=20, off_delay_s=300, priority=3),
    "health": AlarmSettings(limit=0.5, deadband=0.05, on_delay_s=20, off_delay_s=600, priority=2),
    "remaining_life": AlarmSettings(limit=-24.0, deadband=4, on_delay_s=60, off_delay_s=600, priority=1),
    "sensor": AlarmSettings(limit=1.0, on_delay_s=60, off_delay_s=300, priority=3),
}
"""Limits where the configuration names none."""


class AnalyticsConfig(Settings):
    """The whole file: [analytics], [broker], [log], [training] and [alarms.<quantity>].

    Quantities with an alarm: `anomaly` (score, 1 = limit), `health` (1 - health index), `remaining_life` (hours below
    zero, so that -24 is a day left at the 5 % quantile) and `sensor` (number of sensors that are not believed).
    """

    analytics: AnalyticsSettings
    broker: BrokerConfig = BrokerConfig()
    log: LogConfig
    training: TrainingSettings = TrainingSettings()
    alarms: dict[str, AlarmSettings] = Field(default_factory=dict, validate_default=True)

    @field_validator("alarms", mode="after")
    @classmethod
    def _fill_alarms(cls, alarms: dict[str, AlarmSettings]) -> dict[str, AlarmSettings]:
        unknown = sorted(set(alarms) - set(USUAL_ALARMS))
        if unknown:
            raise ValueError(f"there is no quantity {unknown[0]!r}; there are: {', '.join(USUAL_ALARMS)}")
        return USUAL_ALARMS | alarms

    @property
    def identity(self) -> NodeIdentity:
        """Names of the edge node."""
        own = self.analytics
        return NodeIdentity(own.group_id, own.edge_node_id, own.primary_host_id, "acknowledged")

    @property
    def requests(self) -> Path:
        """Folder in which operators' requests wait for the next cycle."""
        return self.analytics.models.parent / "requests"

    def plant(self) -> Machines:
        """Return the described plant; raises ConfigError."""
        try:
            return shipped() if self.analytics.machines is None else load_machines(self.analytics.machines)
        except UnusableInputError as error:
            raise ConfigError(str(error)) from None

    def work(self) -> Maintenance:
        """Return the assumptions of work orders; raises ConfigError."""
        return load_maintenance(self.analytics.maintenance)


def load_config(path: Path) -> AnalyticsConfig:
    """Read a configuration file and the files it names; relative paths start at its folder. Raises ConfigError."""
    config = load_settings(path, AnalyticsConfig)
    base_dir = path.resolve().parent
    named = {
        name: base_dir / value
        for name in ("models", "machines", "maintenance")
        if (value := getattr(config.analytics, name)) is not None
    }
    log = config.log.model_copy(update={"path": base_dir / config.log.path})
    resolved = config.model_copy(
        update={
            "broker": config.broker.resolved(base_dir),
            "log": log,
            "analytics": config.analytics.model_copy(update=named),
        }
    )
    resolved.plant()
    resolved.work()
    return resolved
