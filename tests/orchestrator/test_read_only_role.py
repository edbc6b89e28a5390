"""A role of PostgreSQL that may read a store and not write it."""

import psycopg
import pytest
from support.stores import sealed_under

from hitl_orchestrator.errors import StoreUnavailable

READER = "may_only_read"


@pytest.fixture
def reading(postgres, postgres_store):
    """Return the address of a store for a role with SELECT only."""
    with psycopg.connect(postgres_store, autocommit=True) as connection:
        connection.execute(f"DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
    return postgres_store.replace("//postgres@", f"//{READER}@")


def test_a_role_that_may_only_read_lists_shows_and_verifies(opened, postgres_store, reading, waits):
    key = "ab" * 32
    with opened(sealed_under(postgres_store, key), seal_key=key) as hitl:
        case = waits(hitl)
    with opened(reading, seal_key=key) as hitl:
        assert [row.task_id for row in hitl.inbox()] == [case.task_id]
        assert hitl.reviews.view(case.case_id).case_id == case.case_id
        assert hitl.audit.verify().sound
        assert list(hitl.audit.records()) == []
        with pytest.raises(StoreUnavailable, match=r"permission denied for table .*nothing was written"):
            waits(hitl, "task-2")
