"""The frame of finished cases, one row per case, from which all metrics, pictures and reports are computed.

Its columns are those of the ledger's table `outcomes`; `prepared` adds what follows from them. Compare its texts with
texts only: a column may be categorical. polars, which comes with the extra `lab`, is imported by the functions.
"""

from hitl_orchestrator.insights.frame.columns import (
    BANDS,
    DERIVED,
    FRAME,
    Separators,
    empty,
    from_rows,
    from_text,
    polars,
    rows_of,
    schema,
)
from hitl_orchestrator.insights.frame.derived import prepared
from hitl_orchestrator.insights.frame.exported import read_export
from hitl_orchestrator.insights.frame.fitting import Fitted, fitted

__all__ = [
    "BANDS",
    "DERIVED",
    "FRAME",
    "Fitted",
    "Separators",
    "empty",
    "fitted",
    "from_rows",
    "from_text",
    "polars",
    "prepared",
]
__all__ += ["read_export", "rows_of", "schema"]
