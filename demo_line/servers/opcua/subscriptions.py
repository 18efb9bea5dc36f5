"""What the library's subscriptions do not do: tell an overflow of a queue, and filter events by their supertypes."""

import asyncio
from dataclasses import replace
from typing import Any

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService, WhereClauseEvaluator
from asyncua.server.subscription_service import SubscriptionService

OVERFLOW_BITS = 0x0480
"""InfoType DataValue and the Overflow bit of a status code (OPC 10000-4, 7.39.1)."""


class TellingSubscription(InternalSubscription):  # type: ignore[misc]
    """A subscription that marks the value behind a dropped one, as OPC 10000-4, 5.13.1.5 asks for."""

    iserver: Any = None

    async def publish_results(self, requestdata: Any = None) -> bool:
        """Publish what has come, later where the server is to be slow."""
        if self.iserver is not None and self.iserver.delay_s:
            await asyncio.sleep(self.iserver.delay_s)
        return bool(await super().publish_results(requestdata))

    async def _enqueue_event(self, mid: int, eventdata: Any, size: int, queue: dict[int, list[Any]]) -> None:
        waiting = queue.get(mid)
        overflows = queue is self._triggered_datachanges and waiting is not None and 0 < size <= len(waiting)
        await super()._enqueue_event(mid, eventdata, size, queue)
        # The library has taken the oldest out and put the newest in; a queue of one has nothing behind a dropped value.
        if overflows and size > 1 and waiting:
            waiting[0] = replace(waiting[0], Value=_marked(waiting[0].Value))


def _marked(value: ua.DataValue) -> ua.DataValue:
    return replace(value, StatusCode=ua.StatusCode(value.StatusCode.value | OVERFLOW_BITS))


class _BySupertype(WhereClauseEvaluator):  # type: ignore[misc]
    """Filter of events for which OfType holds for subtypes too (OPC 10000-4, 7.7.3)."""

    def _eval_el(self, index: int, event: Any) -> Any:
        element = self.elements[index]
        if element.FilterOperator == ua.FilterOperator.OfType:
            return self._is_a(event.EventType, self._eval_op(element.FilterOperands[0], event))
        return super()._eval_el(index, event)

    def _is_a(self, kind: ua.NodeId, wanted: ua.NodeId) -> bool:
        while kind != wanted:
            node = self._aspace.get(kind)
            above = [
                reference.NodeId
                for reference in (() if node is None else node.references)
                if not reference.IsForward and reference.ReferenceTypeId.Identifier == ua.ObjectIds.HasSubtype
            ]
            if not above:
                return False
            kind = above[0]
        return True


class _Items(MonitoredItemService):  # type: ignore[misc]
    """Monitored items whose event filters know supertypes."""

    def _create_events_monitored_item(self, params: ua.MonitoredItemCreateRequest) -> ua.MonitoredItemCreateResult:
        result = super()._create_events_monitored_item(params)
        item = self._monitored_items.get(result.MonitoredItemId)
        if item is not None and item.where_clause_evaluator is not None:
            item.where_clause_evaluator = _BySupertype(self.logger, self.aspace, item.filter.WhereClause)
        return result


class TellingSubscriptions(SubscriptionService):  # type: ignore[misc]
    """Subscription service whose subscriptions are `TellingSubscription` with `_Items`."""

    async def create_subscription(self, *args: Any, **kwargs: Any) -> ua.CreateSubscriptionResult:
        """Create a subscription; the library names its classes itself, so the new objects are given ours."""
        result = await super().create_subscription(*args, **kwargs)
        subscription = self.subscriptions[result.SubscriptionId]
        subscription.__class__ = TellingSubscription
        subscription.iserver = self.iserver
        subscription.monitored_item_srv.__class__ = _Items
        return result
