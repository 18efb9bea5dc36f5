"""STO-05: store of bottles, caps, labels, film and concentrate.

Stock is counted by use. When stock and what is on order fall below the reorder point, a delivery is ordered; it comes
as a lot with an expiry date, and lots are used first-expired-first-out. A user without material is HELD.
"""

from bisect import insort
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from demo_line.draws import Draws
from demo_line.signals import DataType, Signal
from demo_line.unit import Parameters, Surroundings, UnitType

_DAY_S = 86_400.0


class Material(BaseModel):
    """One material: how much is kept, when and how much is ordered.

    Attributes:
        used: name of the demand that takes it, an amount in each step.
        stock: name of the supply that tells how much there is.
        first: amount at the start.
        reorder: reorder point, compared with what is here and on order.
        delivery: amount of a delivery.
        lead_h: hours from order to delivery, the usual one.
        shelf_days: usual days from delivery to expiry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    used: str
    stock: str
    first: float = Field(ge=0)
    reorder: float = Field(ge=0)
    delivery: float = Field(gt=0)
    lead_h: float = Field(gt=0)
    shelf_days: float = Field(gt=0)


class Sto05Parameters(Parameters):
    """Design values: (s, Q) ordering; a reorder point covers the longest lead time at full use."""

    bottles: Material = Material(
        used="bottles_used", stock="bottles_in_stock", first=150e3, reorder=110e3, delivery=100e3, lead_h=24,
        shelf_days=360,
    )  # fmt: skip
    caps: Material = Material(
        used="caps_used", stock="caps_in_stock", first=300e3, reorder=200e3, delivery=250e3, lead_h=48, shelf_days=360
    )
    labels: Material = Material(
        used="labels_used", stock="labels_in_stock", first=300e3, reorder=200e3, delivery=240e3, lead_h=48,
        shelf_days=540,
    )  # fmt: skip
    film: Material = Material(
        used="film_used_packs", stock="film_in_stock", first=30e3, reorder=18e3, delivery=24e3, lead_h=48,
        shelf_days=540,
    )  # fmt: skip
    concentrate: Material = Material(
        used="concentrate_used_l", stock="concentrate_in_stock_l", first=12e3, reorder=9e3, delivery=8e3, lead_h=24,
        shelf_days=90,
    )  # fmt: skip
    lead_spread: float = Field(default=0.15, ge=0, description="of the logarithm of the lead time")
    shelf_spread: float = Field(default=0.2, ge=0, description="of the logarithm of the shelf life")


@dataclass(slots=True, order=True)
class Lot:
    """What is left of one delivery; lots sort by expiry."""

    expires_s: float
    code: str
    left: float


@dataclass(slots=True)
class Stock:
    """One material in the store.

    Attributes:
        in_stock: what is here; below zero where more was taken than there was.
        used: taken since the start.
        delivered: come since the start.
        lots: first expired first.
        orders: deliveries under way as (time of arrival, amount), earliest first.
        lot_count: lots so far, for their codes.
    """

    in_stock: float
    used: float = 0.0
    delivered: float = 0.0
    lots: list[Lot] = field(default_factory=list)
    orders: list[tuple[float, float]] = field(default_factory=list)
    on_order: float = 0.0
    lot_count: int = 1

    @property
    def lot(self) -> str:
        """Code of the lot that is used now; empty in an empty store."""
        return self.lots[0].code if self.lots else ""


@dataclass(slots=True)
class Sto05State:
    """State of STO-05: materials by name, as in the parameters."""

    stocks: dict[str, Stock]
    plan: tuple[tuple[str, Material, Stock], ...]


NAMES = ("bottles", "caps", "labels", "film", "concentrate")


def _initial(p: Sto05Parameters) -> Sto05State:
    stocks = {}
    for name in NAMES:
        material: Material = getattr(p, name)
        lot = Lot(material.shelf_days * _DAY_S, f"{name}-0001", material.first)
        stocks[name] = Stock(material.first, lots=[lot])
    return Sto05State(stocks, tuple((name, getattr(p, name), stocks[name]) for name in NAMES))


def _step(p: Sto05Parameters, s: Sto05State, around: Surroundings, draws: Draws) -> None:
    demands, supplies, now_s = around.demands, around.supplies, around.elapsed_s
    for name, material, stock in s.plan:
        taken = demands[material.used]
        if taken > 0.0:
            _take(stock, taken)
        if stock.orders and stock.orders[0][0] <= now_s:
            _deliver(p, name, material, stock, now_s, draws)
        if stock.in_stock + stock.on_order <= material.reorder:
            arrives_s = now_s + 3600.0 * draws.lognormal(material.lead_h, p.lead_spread)
            insort(stock.orders, (arrives_s, material.delivery))
            stock.on_order += material.delivery
        supplies[material.stock] = stock.in_stock


def _take(stock: Stock, taken: float) -> None:
    """Take from the lots, first expired first."""
    stock.used += taken
    stock.in_stock -= taken
    while taken > 0.0 and stock.lots:
        lot = stock.lots[0]
        if lot.left > taken or len(stock.lots) == 1:
            lot.left -= taken
            return
        taken -= lot.left
        stock.lots.pop(0)


def _deliver(p: Sto05Parameters, name: str, material: Material, stock: Stock, now_s: float, draws: Draws) -> None:
    _, amount = stock.orders.pop(0)
    stock.lot_count += 1
    stock.on_order -= amount
    stock.delivered += amount
    stock.in_stock += amount
    expires_s = now_s + _DAY_S * draws.lognormal(material.shelf_days, p.shelf_spread)
    owed = stock.lots.pop(0).left if stock.lots and stock.lots[0].left <= 0.0 else 0.0
    insort(stock.lots, Lot(expires_s, f"{name}-{stock.lot_count:04d}", amount + owed))


def _announce(_p: Sto05Parameters, s: Sto05State, supplies: dict[str, float]) -> None:
    for _, material, stock in s.plan:
        supplies[material.stock] = stock.in_stock


S = Signal[Sto05State]


def _signals_of(name: str, what: str, unit: str, suffix: str) -> tuple[Signal[Sto05State], ...]:
    """Signals of one material; litres are shown as a number, everything else is counted."""
    counted, number = (DataType.DOUBLE, float) if unit else (DataType.INT64, int)
    return (
        S(f"{name}_in_stock{suffix}", unit, None, None, f"Stock: {what}",
          lambda s: number(s.stocks[name].in_stock), counted, resolution=0.1, period_s=60),
        S(f"{name}_used{suffix}", unit, 0, None, f"Used since start: {what}",
          lambda s: number(s.stocks[name].used), counted, resolution=0.1, period_s=60),
        S(f"{name}_on_order{suffix}", unit, 0, None, f"On order: {what}",
          lambda s: number(s.stocks[name].on_order), counted, period_s=0),
        S(f"{name}_lot", "", None, None, f"Lot in use, first expired first: {what}",
          lambda s: s.stocks[name].lot, DataType.STRING, period_s=0),
    )  # fmt: skip


UNIT = UnitType(
    unit_id="STO-05",
    title="Store of materials",
    parameters=Sto05Parameters,
    initial=_initial,
    step=_step,
    reads=("bottles_used", "caps_used", "labels_used", "film_used_packs", "concentrate_used_l"),
    supplies=("bottles_in_stock", "caps_in_stock", "labels_in_stock", "film_in_stock", "concentrate_in_stock_l"),
    announce=_announce,
    signals=(
        *_signals_of("bottles", "bottles", "", ""),
        *_signals_of("caps", "caps", "", ""),
        *_signals_of("labels", "labels", "", ""),
        *_signals_of("film", "film, in packs that it wraps", "", "_packs"),
        *_signals_of("concentrate", "concentrate", "L", "_l"),
    ),
)
