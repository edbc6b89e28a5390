"""The head row of a ledger: one that was verified vouches for no other."""

from pathlib import Path

import pytest

from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import HeadRow
from hitl_orchestrator.ledger.keys.files import new_key, seal_keys_from
from hitl_orchestrator.ledger.keys.mac import Seals


def test_a_head_row_that_was_verified_once_vouches_for_no_other():
    seals = Seals(seal_keys_from(new_key(), Path()), "ledger-1")
    row = HeadRow("ledger-1", 7, "a" * 64, "b" * 64)
    row = row._replace(mac=seals.head(row))
    seals.check_head(row)

    for other in (row._replace(seq=6), row._replace(digest="c" * 64), row._replace(mac=row.mac[:-1] + "x")):
        with pytest.raises(LedgerDamaged, match="the head row was not written by this ledger"):
            seals.check_head(other)
    seals.check_head(row)
