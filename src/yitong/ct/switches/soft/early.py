"""What a device that we ring says before it answers: its early audio (a 180 or 183 with a description), in one of several dialogs."""

from __future__ import annotations

from yitong.ct.switches.soft.line import SDP, Line
from yitong.ct.switches.soft.reached import Holder
from yitong.sip import negotiation
from yitong.sip.dialog import Dialog
from yitong.sip.events import ResponseReceived
from yitong.sip.message import Response
from yitong.sip.negotiation import Local, Remote
from yitong.sip.sdp import SdpError, parse


def provisional(lines: Holder, line: Line, event: ResponseReceived) -> None:
    """An 18x to our INVITE. Of several forks that speak early the first one is heard (case X8)."""
    dialog = event.dialog
    if dialog is None:
        return
    lines.bind(line, dialog)
    if line.early is not None and line.early != dialog.id:
        return
    remote = _description(event.response, line.local)
    if remote is None or remote == line.early_remote:
        return
    line.early, line.early_remote = dialog.id, remote
    lines.sound.set_remote(line.connection, remote)
    lines.function.early(line.connection, lines.clock.now())


def _description(response: Response, local: Local | None) -> Remote | None:
    if response.content_type != SDP or local is None:
        return None
    try:
        return negotiation.accept_answer(parse(response.body), local)
    except SdpError:
        return None  # what cannot be heard now may still be answered otherwise


def agreed(line: Line, dialog: Dialog, response: Response, local: Local) -> Remote:
    """What the 2xx agrees on; one without a description leaves what its own dialog said early. Raises ``SdpError``."""
    if not response.body and line.early == dialog.id and line.early_remote is not None:
        return line.early_remote
    return negotiation.accept_answer(parse(response.body), local)
