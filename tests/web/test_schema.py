"""The API description against the application: made-up requests get answers that the description allows, and never a 5xx."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from tests.web.centre import Centre
from tests.web.world import World

_LONGEST = 300
_ENDING = {"/api/v1/sessions/current", "/api/v1/sessions/current/password"}


@pytest.mark.timeout(300)
async def test_made_up_requests_get_described_answers(world: World, centre: Centre) -> None:
    await world.contact(world.mine, "own", "1001")
    await centre.talking("1001")
    await centre.call()
    description = (await world.client.get("/api/v1/openapi.json")).json()
    tokens = [await world.token("admin"), await world.token("1001")]
    walk = Walk(description, f"http://127.0.0.1:{world.port}", tokens)
    await asyncio.to_thread(walk.run)
    assert not walk.faults, "\n".join(walk.faults[:10])
    assert walk.tried > 150
    assert len(centre.queued()) == 1


def shortened(schema: Any) -> Any:
    """The description with no text longer than ``_LONGEST``: longer ones are hardly made up, but a pattern for one takes seconds."""
    if isinstance(schema, list):
        return [shortened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: shortened(one) for name, one in schema.items()}
    return made | {"maxLength": min(made["maxLength"], _LONGEST)} if isinstance(made.get("maxLength"), int) else made


class Walk:
    """A few made-up requests for every operation, with every token that it is for."""

    def __init__(self, description: dict[str, Any], url: str, tokens: list[str]) -> None:
        self._schema = schemathesis.openapi.from_dict(shortened(description))
        self._url = url
        self._tokens = tokens
        self._session = requests.Session()
        self.faults: list[str] = []
        self.tried = 0

    def run(self) -> None:
        with self._session:
            self._all()

    def _all(self) -> None:
        for found in self._schema.get_all_operations():
            operation: Any = getattr(found, "ok")()  # noqa: B009 - a broken description raises here, and should
            if operation.path not in _ENDING:
                self._walk(operation)

    def _walk(self, operation: Any) -> None:
        # An agent is refused all configuration before what he sent is read (test_rights): that is asked by the administrator alone.
        tokens = self._tokens[:1] if operation.path.startswith("/api/v1/config/") else self._tokens

        asked = list(tokens)

        def attempt(case: Any) -> None:
            # Whoever has no right to it is refused whatever he sends (test_rights): once is enough.
            asked[:] = [token for token in asked if self._try(case, token) != "forbidden"]

        rules = bounded(
            max_examples=3,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        rules(given(case=operation.as_strategy())(attempt))()

    def _try(self, case: Any, token: str) -> str:
        """The problem's code; empty without one."""
        self.tried += 1
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
        answer = case.call(base_url=self._url, session=self._session, timeout=30)
        called = f"{case.method} {case.formatted_path} {answer.status_code}"
        if answer.status_code >= 500:
            self.faults.append(f"{called} {answer.text[:300]}")
        elif answer.status_code >= 400 and "problem+json" not in str(answer.headers.get("content-type")):
            self.faults.append(f"{called} is no problem: {answer.text[:200]}")
        return str(answer.json().get("code", "")) if answer.status_code == 403 else ""
