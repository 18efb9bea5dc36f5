"""Subscriptions that tell their client when its queue overflowed; the library drops the oldest value in silence."""

from dataclasses import replace
from typing import Any

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService

OVERFLOW_BITS = 0x0480
"""InfoType DataValue and the Overflow bit of a status code (OPC 10000-4, 7.39.1)."""


class TellingSubscription(InternalSubscription):  # type: ignore[misc]
    """A subscription that marks the value behind a dropped one, as OPC 10000-4, 5.13.1.5 asks for."""

    async def _enqueue_event(self, mid: int, eventdata: Any, size: int, queue: dict[int, list[Any]]) -> None:
        waiting = queue.get(mid)
        overflows = queue is self._triggered_datachanges and waiting is not None and 0 < size <= len(waiting)
        await super()._enqueue_event(mid, eventdata, size, queue)
        # The library has taken the oldest out and put the newest in; a queue of one has nothing behind a dropped value.
        if overflows and size > 1 and waiting:
            waiting[0] = replace(waiting[0], Value=_marked(waiting[0].Value))


def _marked(value: ua.DataValue) -> ua.DataValue:
    return replace(value, StatusCode=ua.StatusCode(value.StatusCode.value | OVERFLOW_BITS))


class TellingSubscriptions(SubscriptionService):  # type: ignore[misc]
    """Subscription service whose subscriptions are `TellingSubscription`."""

    async def create_subscription(self, *args: Any, **kwargs: Any) -> ua.CreateSubscriptionResult:
        """Create a subscription; the library names its class itself, so the new object is given ours."""
        result = await super().create_subscription(*args, **kwargs)
        self.subscriptions[result.SubscriptionId].__class__ = TellingSubscription
        return result
