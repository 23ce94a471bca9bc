"""Where devices are and what the sockets can do, for ``Lines``."""

from __future__ import annotations

from collections.abc import Callable

from yitong.ct.model import DeviceKind
from yitong.ct.switches.soft.encryption import Speech
from yitong.ct.switches.soft.registrations import Registrations
from yitong.ct.switches.soft.transports import Transports
from yitong.sip.core import Flow
from yitong.sip.message import Header


class Reachability:
    """``reached.Reach`` over registrations and transports."""

    def __init__(self, registrations: Registrations, transports: Transports, address: Callable[[Flow | None], str]) -> None:
        self._registrations = registrations
        self._transports = transports
        self._address = address

    def target(self, device: str) -> tuple[str, Flow] | None:
        return self._registrations.target(device)

    def route(self, device: str) -> list[Header]:
        return self._registrations.route(device)

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        return self._registrations.kind_of(tenant, device)

    def device_called(self, tenant: str, number: str) -> str:
        return self._registrations.device_called(tenant, number)

    def owner(self, device: str) -> str:
        return self._registrations.owner(device)

    def speech(self, device: str) -> Speech:
        return self._registrations.speech(device)

    def alive(self, flow: Flow) -> bool:
        return self._transports.alive(flow)

    def flow_to(self, transport: str, host: str, port: int) -> Flow:
        return self._transports.flow_to(transport, host, port)

    def address_for(self, flow: Flow | None) -> str:
        return self._address(flow)
