from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.switches.rigs import Rig, SimRig


@pytest.fixture(params=["simulated"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """The switch under test: every test of the suite runs against each."""
    made: Rig = SimRig()
    yield made
    await made.close()
