"""No framework: a function under `guard`, called once per order by a job that is started again and again."""

import json
from pathlib import Path

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import AwaitingReview, RequestRejected
from hitl_orchestrator.integrations import guard
from support.agents.payments import AMOUNT, ORDERS, pay


async def start(hitl: Orchestrator, folder: Path, *, forged: bool = False) -> str:
    @guard(hitl, task_type="refund", domain="payments", name="refund")
    async def refund(order: str, amount: float) -> str:
        return pay(folder, order, amount)

    answers, waiting = [], 0
    for order in ORDERS:
        try:
            answers.append(await refund(order, AMOUNT))
        except AwaitingReview:
            waiting += 1
        except RequestRejected as refused:
            answers.append(str(refused))
    return f"waiting {waiting}" if waiting else json.dumps(answers)


wake = start
