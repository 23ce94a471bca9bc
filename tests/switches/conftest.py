from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.switches.rigs import Rig, SimRig
from tests.switches.soft_rig import Media, SoftRig, home_of, running_media


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    """One real media worker for the session."""
    with running_media(tmp_path_factory.mktemp("media")) as worker:
        yield worker


@pytest.fixture
async def soft(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The soft switch."""
    made = await SoftRig(home_of(tmp_path), media).start()
    yield made
    await made.close()


@pytest.fixture(params=["simulated", "soft"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """The switch under test: every test of the suite runs against each."""
    made: Rig = SimRig()
    if request.param == "soft":
        made = await SoftRig(home_of(tmp_path), request.getfixturevalue("media")).start()
    yield made
    await made.close()
