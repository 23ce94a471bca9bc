"""What the public may know and how pages' telephones authenticate, from the bucket that the worker fills.

It is held in memory, so that customers can call and agents can take their telephone while PostgreSQL is away (reliability D1).
"""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Query

from yitong.contact.bus import Refused
from yitong.kit.http import part
from yitong.kit.nats import Nats, Revision
from yitong.kit.stream import watch

BUCKET = "config"
_log = structlog.get_logger("yitong.web")
router = APIRouter(tags=["public"])


class Tenant(msgspec.Struct, frozen=True):
    """A published tenant."""

    code: str


class Account(msgspec.Struct, frozen=True):
    """A published SIP account, without what is secret."""

    realm: str


class Flow(msgspec.Struct, frozen=True):
    """That a flow is published: only those stand in the bucket."""

    id: str


class Number(msgspec.Struct, frozen=True):
    """A published number. ``web``: anybody may call it from the customer page."""

    number: str
    name: dict[str, str]
    tenant: str
    site: str
    flow: str
    language: str
    web: bool


_KINDS: dict[str, type[msgspec.Struct]] = {"tenant": Tenant, "account": Account, "flow": Flow, "number": Number}


class Published:
    """The newest published state of what pages need. ``revision``: of the bucket, up to which it was read."""

    def __init__(self) -> None:
        self.revision = 0
        self._loaded = False
        self._values: dict[str, dict[tuple[str, str], Any]] = {kind: {} for kind in _KINDS}

    async def watch(self, nats: Nats) -> None:
        """Read the bucket, for ever; what was read stays while NATS is away."""
        await watch(nats, BUCKET, ">", self.changed)

    async def changed(self, revision: Revision | None) -> None:
        """A key of the configuration: ``{tenant}.{kind}.{id}``; None when all that was there has been read."""
        if revision is None:
            self._loaded = True
            return
        tenant, kind, id = revision.key.split(".", 2)
        if kind in _KINDS:
            self._values[kind].pop((tenant, id), None)
            if revision.value is not None:
                self._take(tenant, kind, id, revision.value)
        self.revision = revision.revision

    def _take(self, tenant: str, kind: str, id: str, data: bytes) -> None:
        try:
            self._values[kind][tenant, id] = msgspec.json.decode(data, type=_KINDS[kind])
        except msgspec.MsgspecError as error:
            _log.error("configuration not readable", tenant=tenant, kind=kind, id=id, error=str(error))

    def numbers(self, code: str = "") -> list[Number]:
        """Numbers that may be called from the customer page: of the tenant with this code, or without one of all, the oldest first.

        Ids grow with time, so the oldest tenant has the smallest. Raises Refused (bus_unavailable) before anything was read.
        """
        flows, tenants = self._all("flow"), self._all("tenant")
        found = [
            one for (tenant, _), one in self._all("number").items()
            if one.web and (tenant, one.flow) in flows and code in ("", self._code(tenants, tenant))
        ]  # fmt: skip
        return sorted(found, key=lambda one: (one.tenant, one.number))

    def number(self, number: str, code: str = "") -> Number:
        """The one that is meant by ``number``. Raises Refused (number_not_offered, bus_unavailable)."""
        found = next((one for one in self.numbers(code) if one.number == number), None)
        if found is None:
            raise Refused("number_not_offered")
        return found

    def realm(self, tenant: str) -> str:
        """In which the tenant's telephones authenticate: what most accounts say, else the tenant's code. Raises as ``domain``."""
        realms = Counter(account.realm for (owner, _), account in self._all("account").items() if owner == tenant)
        return min(realms, key=lambda realm: (-realms[realm], realm)) if realms else self._known(tenant)

    def domain(self, tenant: str) -> str:
        """The host in the addresses of the tenant's pages, by which the switch knows the tenant; never looked up (RFC 2606 §2).

        Raises Refused (bus_unavailable) when the tenant was not read yet.
        """
        return f"{self._known(tenant)}.invalid"

    def _known(self, tenant: str) -> str:
        code = self._code(self._all("tenant"), tenant)
        if not code:
            raise Refused("bus_unavailable")
        return code

    def _all(self, kind: str) -> dict[tuple[str, str], Any]:
        if not self._loaded:
            raise Refused("bus_unavailable")
        return self._values[kind]

    @staticmethod
    def _code(tenants: dict[tuple[str, str], Any], tenant: str) -> str:
        found = tenants.get((tenant, tenant))
        return str(found.code) if found else ""


@router.get("/public")
async def public(tenant: Annotated[str, Query(max_length=63)] = "", published: Published = part(Published)) -> dict[str, Any]:
    """What the sign-in page and the customer page need. ``tenant``: the code of the only one whose numbers are shown."""
    numbers = published.numbers(tenant)
    meant = {one.number: one for one in reversed(numbers)}  # of one that several tenants have, the oldest tenant's
    return {
        "languages": ["zh-CN", "en"],
        "numbers": [
            {"number": one.number, "name": one.name, "language": one.language} for one in numbers if meant[one.number] is one
        ],
        "version": importlib.metadata.version("yitong"),
    }
