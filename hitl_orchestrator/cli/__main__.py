"""`python -m hitl_orchestrator.cli` is `hitl`."""

import sys

from hitl_orchestrator.cli import main

sys.exit(main())
