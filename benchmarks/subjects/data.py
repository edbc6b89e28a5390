"""The folder of public data sets, for the subjects that measure on them."""

import os
from pathlib import Path

VARIABLE = "HITL_BENCH_DATA"


def data_folder() -> Path | None:
    """Return the folder that the variable names; None if it is not set, or names none."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named and Path(named).is_dir() else None
