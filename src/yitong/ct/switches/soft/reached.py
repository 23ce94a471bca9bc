"""What the parts of ``Lines`` see of it and of each other."""

from __future__ import annotations

from typing import Protocol

from yitong.ct.model import Cause, DeviceKind
from yitong.ct.switches.soft.encryption import Speech
from yitong.ct.switches.soft.line import Line
from yitong.ct.switches.soft.media_messages import PortOpened
from yitong.ct.switches.soft.outward import Outward
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching.function import SwitchingFunction
from yitong.kit.clock import Clock
from yitong.sip.core import Flow
from yitong.sip.dialog import Dialog, DialogId
from yitong.sip.endpoint import Endpoint
from yitong.sip.message import Header
from yitong.sip.negotiation import Local
from yitong.sip.transaction import ClientTransaction


class Reach(Protocol):
    """Where devices are, and what the sockets can do."""

    def target(self, device: str) -> tuple[str, Flow] | None:
        """The Request-URI and flow by which a registered device is rung; None when it is not registered."""
        ...

    def route(self, device: str) -> list[Header]:
        """The Route headers of an INVITE to a registered device: the proxies that it registered through."""
        ...

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        """The kind of a registered device of a tenant."""
        ...

    def device_called(self, tenant: str, number: str) -> str:
        """The best registered device of an internal number, or empty."""
        ...

    def owner(self, device: str) -> str:
        """The user name that registered a device."""
        ...

    def speech(self, device: str) -> Speech:
        """Whether a device's speech goes encrypted."""
        ...

    def alive(self, flow: Flow) -> bool:
        """Whether something can be sent by a flow."""
        ...

    def flow_to(self, transport: str, host: str, port: int) -> Flow:
        """A flow to an address that has not connected to us."""
        ...

    def address_for(self, flow: Flow | None) -> str:
        """Our address as the other end of a flow sees it."""
        ...


class Holder(Protocol):
    """``Lines``, for the parts that look after one side of it."""

    endpoint: Endpoint
    sound: Sound
    reach: Reach
    clock: Clock
    function: SwitchingFunction
    outward: Outward
    changed: set[str]
    by_dialog: dict[DialogId, Line]

    @property
    def now(self) -> float: ...
    def bind(self, line: Line, dialog: Dialog) -> None: ...
    def calls_by(self, line: Line, transaction: ClientTransaction) -> None: ...
    def forget(self, line: Line) -> None: ...
    def local_for(self, opened: PortOpened, secure: bool, host: str) -> Local: ...
    def lose(self, line: Line, cause: Cause) -> None: ...
