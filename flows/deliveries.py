"""The deliveries of one run as a Prefect flow: each is a task, and a fetch that fails is tried again."""

from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.progress import steps
from flows.sources.delivery import Collected, Source, take_delivery
from flows.sources.settings import CollectSettings
from market.lake import Lake


@flow(name="collect", log_prints=False, validate_parameters=False)
def take_deliveries(lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> list[Collected]:
    """Take what every source has; one delivery that fails does not stop the others."""
    as_task = task(
        name="take delivery",
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=settings.retries,
        retry_delay_seconds=settings.retry_delay_s,
    )
    fetch, done = as_task(take_delivery), []
    for source in sources:
        for delivery in steps(list(source.deliveries(lake)), source.name):
            state: Any = fetch(lake, source.name, delivery, return_state=True)
            result = state.result(raise_on_failure=False)
            failed = not state.is_completed()
            done.append(Collected(source.name, delivery.label, "failed", str(result)) if failed else result)
    return done
