"""Session timers (RFC 4028): a call whose other side no longer answers ends, though nobody says BYE.

Both sides agree in INVITE and UPDATE how long a session lasts and who refreshes it. We refresh by UPDATE without a body; where the other
side does not take UPDATE its user is asked to send a re-INVITE (``RefreshWanted``). When the time runs out ``SessionExpired`` is told.
"""

from __future__ import annotations

from collections.abc import Callable

from yitong.sip.core import Core, Terms
from yitong.sip.dialog import Agreed, Dialog, DialogId, Dialogs, DialogState
from yitong.sip.events import Event, RefreshWanted, SessionExpired
from yitong.sip.grammar import ParseError, number, parse_params
from yitong.sip.message import Header, Message, Request, Response

_AGAIN_SECONDS = 2.0
"""When a refresh is tried again that an open INVITE prevented."""


def interval(message: Message) -> tuple[int, str]:
    """Seconds and refresher (uac, uas, or empty) of Session-Expires; 0 without one. Raises ``ParseError``."""
    value = message.get("Session-Expires")
    if value is None:
        return 0, ""
    digits, semicolon, rest = value.partition(";")
    refresher = (parse_params(semicolon + rest).get("refresher") or "").lower()
    if refresher not in ("", "uac", "uas"):
        raise ParseError("wrong refresher")
    return number(digits.strip()), refresher


def _minimum(message: Message) -> int:
    value = message.get("Min-SE")
    return number(value.partition(";")[0].strip()) if value is not None else 0


def _supports(message: Message) -> bool:
    return "timer" in (tag.lower() for tag in message.elements("Supported") + message.elements("Require"))


def asking(terms: Terms, agreed: Agreed | None) -> list[Header]:
    """What our INVITE or UPDATE says: at first only how long, later also who refreshes."""
    if agreed is None:
        return [("Session-Expires", str(terms.seconds)), ("Min-SE", str(terms.minimum))]
    return [("Session-Expires", f"{agreed.seconds};refresher={'uac' if agreed.ours else 'uas'}"), ("Min-SE", str(terms.minimum))]


def answer(request: Request, terms: Terms) -> tuple[int, list[Header], Agreed]:
    """Status (0: go on), headers of our 2xx (or of the 422), and what was agreed, for an INVITE or UPDATE (§9). Raises ``ParseError``."""
    seconds, refresher = interval(request)
    supports = _supports(request)
    if seconds and seconds < terms.minimum and supports:
        return 422, [("Min-SE", str(terms.minimum))], Agreed(0, False)
    least = max(_minimum(request), terms.minimum)
    agreed = min(seconds, max(terms.seconds, least)) if seconds else max(terms.seconds, least)
    chosen = "uas" if not supports else refresher or "uac"
    headers = [("Session-Expires", f"{agreed};refresher={chosen}")]
    if chosen == "uac":
        headers.append(("Require", "timer"))
    return 0, headers, Agreed(agreed, chosen == "uas")


def accepted(request: Request, response: Response) -> Agreed | None:
    """What a 2xx to our request agreed to (§7.2). A side without timers is refreshed by us. None when we asked for nothing."""
    try:
        asked, _ = interval(request)
        seconds, refresher = interval(response)
    except ParseError:
        return None
    if not asked:
        return None
    return Agreed(seconds, refresher != "uas") if seconds else Agreed(asked, True)


def longer(response: Response) -> list[Header]:
    """The headers with which a request is sent again after 422 (§7.4); empty when the answer names no time."""
    try:
        least = _minimum(response)
    except ParseError:
        return []
    return [("Session-Expires", str(least)), ("Min-SE", str(least))] if 0 < least <= 86_400 else []


class _Watch:
    """The timers of one dialog's session."""

    __slots__ = ("_due", "agreed", "dialog", "timers")

    def __init__(self, dialog: Dialog, agreed: Agreed, due: Callable[[_Watch, str, float], None]) -> None:
        self.dialog = dialog
        self.agreed = agreed
        self.timers: dict[str, int] = {}
        self._due = due

    def handle_timer(self, name: str, now: float) -> None:
        self._due(self, name, now)


class Sessions:
    """The sessions of all dialogs. ``update`` sends an UPDATE without a body in a dialog."""

    def __init__(self, core: Core, dialogs: Dialogs, tell: Callable[[Event], None], update: Callable[[Dialog, float], None]) -> None:
        self._core = core
        self._tell = tell
        self._update = update
        self._watches: dict[DialogId, _Watch] = {}
        dialogs.on_end = self.stop

    def __len__(self) -> int:
        return len(self._watches)

    def begin(self, dialog: Dialog, agreed: Agreed | None, now: float) -> None:
        """A session begins or is refreshed; None ends its timers."""
        self.stop(dialog)
        dialog.session = agreed
        if agreed is None or not agreed.seconds or dialog.state is not DialogState.CONFIRMED:
            return
        watch = self._watches[dialog.id] = _Watch(dialog, agreed, self._due)
        self._core.start_timer(watch, "expiry", now + agreed.seconds - min(32.0, agreed.seconds / 3))  # §10
        if agreed.ours:
            self._core.start_timer(watch, "refresh", now + agreed.seconds / 2)

    def refused(self, dialog: Dialog, status: int, now: float) -> None:
        """Our refresh was refused: who answers at all is alive, who knows nothing of the dialog is not."""
        if dialog.session is None or status in (408, 481):
            self.stop(dialog)
            return
        self.begin(dialog, dialog.session, now)
        watch = self._watches.get(dialog.id)
        if status == 491 and watch is not None and watch.agreed.ours:
            self._core.start_timer(watch, "refresh", now + _AGAIN_SECONDS)

    def stop(self, dialog: Dialog) -> None:
        """The dialog is over."""
        watch = self._watches.pop(dialog.id, None)
        if watch is not None:
            for name in list(watch.timers):
                self._core.stop_timer(watch, name)

    def _due(self, watch: _Watch, name: str, now: float) -> None:
        dialog = watch.dialog
        if name == "expiry":
            self.stop(dialog)
            self._tell(SessionExpired(dialog))
        elif dialog.invite_in or dialog.invite_out:
            self._core.start_timer(watch, "refresh", now + _AGAIN_SECONDS)
        elif dialog.allows_update:
            self._update(dialog, now)
        else:
            self._tell(RefreshWanted(dialog))
