"""The lamp of a telephone that shows waiting messages: subscriptions to one's own mailbox, and what they are told (RFC 3842, RFC 6665)."""

from __future__ import annotations

import time

import pytest
from tests.figures import figure
from tests.switches.agents import Agent
from tests.switches.rigs import TENANT
from tests.switches.soft_rig import SoftRig, account
from tests.switches.wire import Wire

from yitong.ct.switches.soft import waiting as module
from yitong.sip.dialog import Dialog, DialogState
from yitong.sip.digest import Credentials, authorize
from yitong.sip.events import ResponseReceived
from yitong.sip.message import Request, Response
from yitong.sip.summary import Waiting


class Lamp(Agent):
    """A telephone that subscribes to its mailbox."""

    def __init__(self, user: str, server: tuple[str, int], password: str = "secret") -> None:
        super().__init__(user, server, password)
        self.answers: list[Response] = []
        self.subscription: Dialog | None = None
        self.refuses = 0

    def subscribe(self, mailbox: str = "", **headers: str) -> None:
        given = {"Event": "message-summary", "Accept": "application/simple-message-summary", "Expires": "600", **headers}
        target = f"sip:{mailbox or self.user}@{self.domain}:{self.server[1]}"
        fields = [("Contact", self.contact), *((name, value) for name, value in given.items() if value)]
        now = time.monotonic()
        if self.subscription is not None:
            self.endpoint.request_in_dialog(self.subscription, "SUBSCRIBE", now, headers=fields)
        else:
            self.endpoint.request(
                "SUBSCRIBE", target, self.flow, now, from_=f"<sip:{self.user}@{self.host}>", to=f"<{target}>", headers=fields
            )
        self.pump()

    def _response(self, event: ResponseReceived) -> None:
        if event.transaction.method != "SUBSCRIBE":
            super()._response(event)
            return
        response, request = event.response, event.transaction.request
        if response.status in (401, 407) and self.password:
            header = authorize(request, response, Credentials(self.user, self.password), "c")
            if header is not None:
                self.endpoint.retry(event.transaction, time.monotonic(), headers=[header])
                return
        self.answers.append(response)
        if response.status == 200 and self.subscription is None:
            self.subscription = Dialog.from_response(request, response, self.flow, DialogState.CONFIRMED)
            self.endpoint.dialogs.add(self.subscription)

    def told(self) -> list[Request]:
        return [one for one in self.requests if one.method == "NOTIFY"]

    def last(self) -> tuple[str, bytes]:
        return self.told()[-1].get("Subscription-State") or "", self.told()[-1].body


@pytest.fixture
def figures(soft: SoftRig) -> dict[str, Waiting]:
    """The mailboxes of the tenant."""
    held = {"1001": Waiting(new=2, old=8, urgent_new=1)}
    soft.switch.waiting.mailboxes = lambda tenant, extension: held.get(extension) if tenant == TENANT else None
    return held


async def lamp(soft: SoftRig, number: str = "1001", password: str = "secret") -> Lamp:
    soft.switch.configure(f"{TENANT}.account.a{number}", account(number))
    one = Lamp(number, soft.server, password)
    soft.agents.append(await one.open())
    return one


def text(number: str, line: str, waits: str) -> bytes:
    return f"Messages-Waiting: {waits}\r\nMessage-Account: sip:{number}@127.0.0.1\r\nVoice-Message: {line}\r\n".encode()


async def test_a_telephone_shows_what_waits(soft: SoftRig, figures: dict[str, Waiting]) -> None:
    one = await lamp(soft)
    one.subscribe()
    await soft.true(lambda: len(one.told()) == 1)
    assert one.answers[-1].get("Expires") == "600"
    first = one.told()[0]
    assert (first.get("Event"), first.content_type) == ("message-summary", "application/simple-message-summary")
    assert one.last() == ("active;expires=600", text("1001", "2/8 (1/0)", "yes"))

    figures["1001"] = Waiting(old=10)
    soft.switch.waiting.changed(TENANT, "1001")
    soft.switch.later(lambda: None)
    await soft.true(lambda: len(one.told()) == 2)
    assert one.last()[1] == text("1001", "0/10 (0/0)", "no")

    one.subscribe(Expires="60")
    await soft.true(lambda: len(one.told()) == 3)
    assert one.last()[0] == "active;expires=60"
    one.subscribe(Expires="0")
    await soft.true(lambda: len(one.told()) == 4)
    assert one.last()[0] == "terminated;reason=timeout"
    assert len(soft.switch.waiting) == 0
    one.subscribe()
    await soft.true(lambda: one.answers[-1].status == 481)


async def test_a_single_question(soft: SoftRig, figures: dict[str, Waiting]) -> None:
    """Expires 0 asks once (RFC 6665 §4.4.3)."""
    one = await lamp(soft)
    one.subscribe(Expires="0", Event="message-summary;id=7")
    await soft.true(lambda: len(one.told()) == 1)
    assert one.told()[0].get("Event") == "message-summary;id=7"
    assert one.last()[0] == "terminated;reason=timeout"
    assert len(soft.switch.waiting) == 0


async def test_who_does_not_take_it_or_is_gone_is_told_no_more(
    soft: SoftRig, figures: dict[str, Waiting], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await lamp(soft)
    one.subscribe()
    await soft.true(lambda: len(one.told()) == 1)
    assert one.subscription is not None
    one.endpoint.dialogs.end(one.subscription)  # it answers 481 from now on
    soft.switch.waiting.changed(TENANT, "1001")
    soft.switch.later(lambda: None)
    await soft.true(lambda: len(soft.switch.waiting) == 0)

    monkeypatch.setattr(module, "LEAST_SECONDS", 0)
    other = await lamp(soft)
    other.subscribe(Expires="1")
    await soft.true(lambda: len(other.told()) == 2)
    assert other.last()[0] == "terminated;reason=timeout"


@pytest.mark.parametrize(
    ("headers", "mailbox", "status"),
    [
        ({"Event": "presence"}, "", 489),
        ({"Event": ""}, "", 489),
        ({"Accept": "text/plain"}, "", 406),
        ({"Expires": "5"}, "", 423),
        ({"Expires": "soon"}, "", 400),
        ({}, "1002", 403),
    ],
)
async def test_what_cannot_be_subscribed_to(
    soft: SoftRig, figures: dict[str, Waiting], headers: dict[str, str], mailbox: str, status: int
) -> None:
    one = await lamp(soft)
    one.subscribe(mailbox, **headers)
    await soft.true(lambda: bool(one.answers))
    assert one.answers[0].status == status
    assert not one.told()


async def test_an_extension_without_a_mailbox(soft: SoftRig, figures: dict[str, Waiting]) -> None:
    one = await lamp(soft, "1003")
    one.subscribe()
    await soft.true(lambda: bool(one.answers))
    assert one.answers[0].status == 404


async def test_a_telephone_has_a_few_subscriptions_at_most(soft: SoftRig, figures: dict[str, Waiting]) -> None:
    one = await lamp(soft)
    for _ in range(module.MAXIMUM_PER_DEVICE + 1):
        one.subscription = None
        count = len(one.answers)
        one.subscribe()
        await soft.true(lambda count=count: len(one.answers) > count)  # type: ignore[misc]
    assert [answer.status for answer in one.answers] == [200] * module.MAXIMUM_PER_DEVICE + [503]


@pytest.mark.case("R7")
async def test_nobody_learns_of_a_mailbox_without_its_password(soft: SoftRig, figures: dict[str, Waiting]) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    wire = Wire(soft.server)
    for user in ("1001", "9999"):
        answer = await wire.ask("SUBSCRIBE", user, user=user, headers=("Event: message-summary", "Expires: 60"))
        assert answer is not None
        assert answer.status == 407
    wire.close()
    wrong = await lamp(soft, password="guess")
    wrong.subscribe()
    await soft.true(lambda: bool(wrong.answers))
    assert wrong.answers[0].status == 407
    assert len(soft.switch.waiting) == 0
    figure("R7", "SUBSCRIBE for somebody's messages without the password: challenged, known and unknown alike; no NOTIFY")
