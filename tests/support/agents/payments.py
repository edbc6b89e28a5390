"""The effect of the gated tool, written to a file, so that each execution in any process is counted."""

import json
import os
import signal
from pathlib import Path

ORDERS = ("A1", "A2", "A3", "A4", "A5")
AMOUNT = 20.0


def pay(folder: Path, order: str, amount: float) -> str:
    """Pay a refund, and die right after it if the folder says so."""
    with (folder / "payments.jsonl").open("a") as file:
        file.write(json.dumps([order, amount]) + "\n")
    if (folder / "dies").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return f"paid {amount:g} for {order}"


def payments(folder: Path) -> list[list[object]]:
    """Return all payments so far."""
    file = folder / "payments.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
