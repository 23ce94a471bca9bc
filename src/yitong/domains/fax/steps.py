"""«send_fax»: fax on demand, the caller's machine gets a document. «receive_fax»: his machine sends one to us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.events import CtEvent, FaxEnded, ServiceFailed
from yitong.ct.services import ReceiveFax, SendFax
from yitong.domains.fax.messages import FaxAsked
from yitong.domains.fax.model import Documents
from yitong.flow.step import Place, Problem

CODE = {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,79}$"}
_KINDS = frozenset({SendFax.__name__, ReceiveFax.__name__})


class FaxStep:
    """What both share: one fax in place of the audio, then «done» or «failed»."""

    kind = ""
    repeats = False
    schema: Mapping[str, Any] = {"properties": {}}

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "failed"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return []

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        """By the connection, not the service's id, which a restart of core forgets; a line carries one fax at a time."""
        if isinstance(event, FaxEnded) and event.connection == place.connection:
            return "done" if event.reason == "ok" else "failed"
        failed = isinstance(event, ServiceFailed) and event.kind in _KINDS and event.connection == place.connection
        return "failed" if failed else None


class SendFaxStep(FaxStep):
    """«send_fax»: ``document`` is the code of a fax document. The caller is told before to press start on his machine."""

    kind = "send_fax"
    schema: Mapping[str, Any] = {"required": ["document"], "properties": {"document": CODE}}

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        known = parameters["document"] in knowledge.faxes
        return [] if known else [Problem(step=step, code="flow.unknown_fax", parameters={"document": parameters["document"]})]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        document = str(parameters["document"])
        file = self._documents.file(document)
        if not file:
            return "failed"
        service = SendFax(id=unit.new_id(), tenant=place.tenant, connection=place.connection, file=file, station=_own_number(place))
        unit.tell(FaxAsked(contact=place.contact, connection=place.connection, fax=service.id, sent=True, file=file, document=document))
        unit.ask(service)
        return None


class ReceiveFaxStep(FaxStep):
    """«receive_fax»: into the fax mailbox of the site."""

    kind = "receive_fax"

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        fax = unit.new_id()
        day = datetime.fromtimestamp(unit.now // 1_000_000, UTC)
        file = f"{place.tenant}/{day:%Y/%m/%d}/{fax}.tif"
        service = ReceiveFax(id=fax, tenant=place.tenant, connection=place.connection, file=file, station=_own_number(place))
        unit.tell(FaxAsked(contact=place.contact, connection=place.connection, fax=fax, sent=False, file=file))
        unit.ask(service)
        return None


def _own_number(place: Place) -> str:
    return str(place.values.get("contact", {}).get("number", ""))
