"""A store in memory, and a desk on it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from support.desk_driver import PEOPLE, DeskDriver, policy

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.desk.app import DeskApp
from hitl_orchestrator.cli.desk.client import DeskClient
from hitl_orchestrator.wiring.clocks import now_in_utc

NEVER = 1e6
Flow = Callable[[DeskDriver], Awaitable[None]]


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://", policy=policy(), reviewers=PEOPLE) as opened:
        yield opened


@pytest.fixture
def sit():
    """Run a flow at a reviewer's desk on a store."""

    def run(hitl: Orchestrator, flow: Flow, *, reviewer: str = "r01", size: tuple[int, int] = (80, 24)) -> None:
        async def at_the_desk() -> None:
            app = DeskApp(DeskClient.of(hitl, reviewer), now=now_in_utc, every=NEVER)
            async with app.run_test(size=size) as pilot:
                driven = DeskDriver(app, pilot)
                await driven.wait_until_idle()
                await flow(driven)

        asyncio.run(at_the_desk())

    return run


@pytest.fixture
def desk(hitl, sit):
    """Do the same on the store in memory."""
    return partial(sit, hitl)
