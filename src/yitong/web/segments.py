"""Which routers a path can belong to, so that only those are asked.

FastAPI asks every included router, and each of its routes twice: with some three hundred routes that was half of what a request cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN = "yitong.router"


class BySegments(BaseRoute):
    """Included routers, found by the first one or two segments of their paths below ``prefix``; asked in their order as ever."""

    def __init__(self, prefix: str, routers: Sequence[BaseRoute]) -> None:
        self._prefix = f"{prefix}/"
        self._found: dict[tuple[str, ...], dict[int, BaseRoute]] = {}
        for number, router in enumerate(routers):
            for context in iter_route_contexts([router]):
                self._found.setdefault(self._fixed(context.path or ""), {})[number] = router

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first router with a route for path and method, else the first with one for the path alone."""
        partial: tuple[Match, Scope] = Match.NONE, {}
        for router in self._candidates(scope.get("path", "")):
            match, child = router.matches(scope)
            if match == Match.FULL:
                return match, {**child, _CHOSEN: router}
            if match == Match.PARTIAL and partial[0] == Match.NONE:
                partial = match, {**child, _CHOSEN: router}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the router that ``matches`` found."""
        await scope.pop(_CHOSEN).handle(scope, receive, send)

    def _fixed(self, path: str) -> tuple[str, ...]:
        first, _, rest = path.removeprefix(self._prefix).partition("/")
        second = rest.partition("/")[0]
        return (first, second) if second and "{" not in second else (first,)

    def _candidates(self, path: str) -> Iterator[BaseRoute]:
        if not path.startswith(self._prefix):
            return iter(())
        first, second, *_ = (*path.removeprefix(self._prefix).split("/", 2), "")
        near, wide = self._found.get((first, second), {}), self._found.get((first,), {})
        together = near | wide if near and wide else near or wide
        return (together[number] for number in sorted(together))
