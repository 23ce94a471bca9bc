"""A customer writes, an agent answers: a real IMAP server, a real SMTP server, PostgreSQL, NATS, the real core, worker and web process."""

from __future__ import annotations

import asyncio
import email.policy
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect
from sqlalchemy import text
from tests.chromium import chromium
from tests.ports import free_port
from tests.web.centre import Centre
from tests.web.mail_server import PASSWORD, USER, Servers, servers
from tests.web.test_calls_page import FLAGS
from tests.web.world import NAME
from tests.web.world import PASSWORD as WORD

from yitong.app.jobs.mail import MailJobs
from yitong.app.password_keys import rotate
from yitong.kit.clock import SystemClock
from yitong.kit.sealed_text import sealer_of
from yitong.kit.tasks import Tasks

PATIENCE = 90.0


@pytest.fixture(scope="module")
def mail_servers() -> Iterator[Servers]:
    home = Path(tempfile.mkdtemp(prefix="ytm"))
    home.chmod(0o755)
    try:
        with servers(home) as made:
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Office:
    """The worker's part in mail, which can die at any moment, and what people do at their desks."""

    def __init__(self, centre: Centre, servers: Servers) -> None:
        self.centre, self.world, self.servers = centre, centre.world, servers
        self._tasks: Tasks | None = None

    async def begin(self) -> None:
        self._tasks = Tasks()
        jobs = MailJobs(self.world.settings, self.world.database, self.world.nats, SystemClock(), self._tasks)
        jobs.start(self._tasks)

    async def die(self) -> None:
        if self._tasks is not None:
            await self._tasks.close()
        self._tasks = None

    async def account(self, **more: Any) -> str:
        made = self.world.mine
        value = {
            "code": "service", "name": NAME, "site": made.site, "queue": made.ids["queue"], "address": USER, "sender": "客户服务",
            "signature": "一通客户服务", "imap_host": "127.0.0.1", "imap_port": self.servers.imap_port, "imap_username": USER,
            "imap_password": PASSWORD, "smtp_host": "127.0.0.1", "smtp_port": self.servers.smtp_port, "smtp_security": "none",
            "tls_ca": self.servers.certificate.read_text(), "done_folder": "Done", **more,
        }  # fmt: skip
        answer = await self.world.ask("POST", "/config/mail_accounts", await self.world.headers("admin"), json=value)
        assert answer.status_code == 201, answer.text
        assert PASSWORD not in answer.text
        return str(answer.json()["id"])

    async def ask(self, method: str, path: str, who: dict[str, str], status: int = 200, **more: Any) -> Any:
        answer = await self.world.ask(method, path, who, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer

    async def rows(self) -> list[dict[str, Any]]:
        async with self.world.database.transaction() as connection:
            rows = await connection.execute(
                text("select * from mail_messages where tenant_id = :t and reason <> 'bulk' order by at, id"), {"t": self.world.mine.id}
            )
            return [dict(row) for row in rows.mappings()]

    async def answer(self, who: dict[str, str], assignment: str, mail: str, words: str, status: int = 201, **more: Any) -> Any:
        fields = {"assignment": assignment, "answers": mail, "to": "wang@example.org", "text": words}
        return await self.ask("POST", "/mails", who, status, data=fields | more.pop("data", {}), **more)


@pytest.fixture
async def office(centre: Centre, mail_servers: Servers) -> AsyncIterator[Office]:
    mail_servers.empty()
    made = Office(centre, mail_servers)
    await centre.start_worker()
    yield made
    await made.die()


async def so(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until it is; what it is."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
        return found


def letter(subject: str = "燃气费有误", words: str = "您好，\n账单多收了。", charset: str = "gb2312", **headers: str) -> bytes:
    """As a Chinese mail program writes it: headers and text in GB 18030 under the name of GB 2312."""
    mail = MIMEText("", "plain", "us-ascii")
    del mail["Content-Transfer-Encoding"]
    mail["From"] = f"=?gb2312?B?{_base64('王小波', 'gb2312')}?= <Wang@Example.org>"
    mail["To"] = USER
    mail["Subject"] = f"=?{charset}?B?{_base64(subject, charset)}?="
    mail["Message-ID"] = headers.pop("message_id", f"<{abs(hash((subject, words)))}@example.org>")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.replace_header("Content-Type", f'text/plain; charset="{charset}"')
    mail["Content-Transfer-Encoding"] = "8bit"
    head = mail.as_bytes(policy=email.policy.compat32.clone(linesep="\r\n")).split(b"\r\n\r\n")[0]
    return head + b"\r\n\r\n" + words.replace("\n", "\r\n").encode("gb18030" if charset == "gb2312" else charset)


def _base64(words: str, charset: str) -> str:
    import base64

    return base64.b64encode(words.encode("gb18030" if charset == "gb2312" else charset)).decode()


@pytest.mark.browser
@pytest.mark.dovecot
@pytest.mark.timeout(300)
@pytest.mark.req("G4", "G9", "G12", "G38", "T4")
async def test_a_mail_becomes_a_contact_and_is_answered_at_the_desk(office: Office, tmp_path: Path) -> None:
    """Fetched, queued, offered, opened, answered, wrapped up, in the ledger: with a real browser at the desk."""
    centre, world = office.centre, office.world
    who = await centre.ready("1001")
    await office.account()
    await office.begin()
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(locale="zh-CN", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"http://127.0.0.1:{world.port}/login")
        await page.fill("#username", "1001")
        await page.fill("#password", WORD)
        await page.click("button[type=submit]")
        await page.wait_for_url("**/desk*")
        office.servers.deliver(painted())
        await expect(page.locator("[data-test=mail-from]")).to_have_text("王小波")
        await expect(page.locator("[data-test=mail-subject]")).to_have_text("燃气费有误・镕")
        await page.screenshot(path=tmp_path / "mail-offered.png")
        assignment = centre.assignments("1001")[0]
        assert [one.state for one in centre.assignments("1001")] == ["offered"]
        await page.click("[data-test=mail-open]")
        letter_ = page.frame_locator("iframe.letter")
        await expect(letter_.get_by_text("账单多收了。镕")).to_be_visible()
        await expect(page.get_by_text("账单.pdf")).to_be_visible()
        assert await letter_.locator("script, img[src^=http], form").count() == 0
        assert not [url for url in asked if "spy.example" in url], "nothing of a stranger's mail is fetched"
        words = page.locator("[data-test=mail-words]")
        await expect(words).to_be_enabled()
        assert "> 账单多收了。镕" in await words.input_value()
        assert "一通客户服务" in await words.input_value()
        await words.press("Alt+t")
        await expect(page.locator("[data-test=template-text]")).to_have_text("王小波，您好！")
        await page.screenshot(path=tmp_path / "mail-template.png")
        await page.locator("[data-test=template-words]").press("Enter")
        assert (await words.input_value()).startswith("王小波，您好！\n"), "where he writes"
        await words.fill("已更正，附新账单。\n\n一通客户服务")
        new = {"name": "新账单.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 corrected"}
        await page.set_input_files("input[type=file]", new)  # type: ignore[arg-type]
        await page.screenshot(path=tmp_path / "mail-writing.png")
        await page.click("[data-test=mail-send]")
        await expect(page.locator(".thread .tag.ready")).to_have_text("已发送")
        await page.click("[data-test=mail-done]")
        await page.fill("#wrap-up-note", "多收已退")
        await page.screenshot(path=tmp_path / "mail-wrap-up.png")
        await page.click("[data-test=finish]")
        await expect(page.locator(".mails")).to_have_count(0)
        await centre.projected("mine")
        await page.goto(f"http://127.0.0.1:{world.port}/calls/{assignment.contact}")
        await page.click(".thread li:last-child button")
        await expect(page.frame_locator("iframe.letter").get_by_text("账单多收了。镕")).to_be_visible()
        await page.screenshot(path=tmp_path / "mail-journey.png")
        await browser.close()
    await sent_as_it_was_written(office)
    await stands_everywhere(office, who, assignment.contact)


@pytest.mark.browser
@pytest.mark.dovecot
@pytest.mark.timeout(300)
async def test_what_was_kept_aside_is_decided_by_keys(office: Office) -> None:
    """On the page Mails: read, put away, found again, taken in; an agent gets what was taken in."""
    centre, world = office.centre, office.world
    await centre.ready("1001")
    await office.account()
    await office.begin()
    for number, subject in enumerate(("外出", "休假", "出差")):
        office.servers.deliver(letter(subject, message_id=f"<away{number}@example.org>", Auto_Submitted="auto-replied"))
    await so(lambda: _count(office, 3))
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(locale="zh-CN", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        await page.goto(f"http://127.0.0.1:{world.port}/login?to=/mails")
        await page.fill("#username", "admin")
        await page.fill("#password", WORD)
        await page.click("button[type=submit]")
        rows, subjects = page.locator("[data-mail]"), page.locator("[data-mail] .subject")
        await expect(subjects).to_have_text(["出差", "休假", "外出", "x"])
        await rows.first.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-test=why]")).not_to_be_empty()
        await page.keyboard.press("Delete")
        await expect(subjects).to_have_text(["休假", "外出", "x"])
        await expect(rows.first).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("t")
        await expect(subjects).to_have_text(["休假", "x"])
        await so(lambda: _state(centre, "offered"))
        await page.click("[data-list=discarded]")
        await expect(subjects).to_have_text(["出差"])
        await page.fill("input[type=search]", "没有这个")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-test=no-mails]")).to_be_visible()
        await page.fill("input[type=search]", "出差")
        await page.keyboard.press("Enter")
        await rows.first.focus()
        await page.keyboard.press("t")
        await expect(rows).to_have_count(0)
        await browser.close()
    taken = {row["subject"]: row["state"] for row in await office.rows()}
    assert (taken["休假"], "discarded" in taken.values()) == ("kept", False)


async def sent_as_it_was_written(office: Office) -> None:
    """Once, with what belongs to it."""
    (out,) = office.servers.sent
    assert out["In-Reply-To"] == (await office.rows())[0]["message_id"]
    assert out["To"] == "Wang@Example.org"
    assert str(out["From"]) == "客户服务 <service@example.com>"
    assert out["Subject"].startswith("Re: 燃气费有误・镕 [#")
    body = out.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("已更正")
    (attached,) = out.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("新账单.pdf", b"%PDF-1.4 corrected")


async def stands_everywhere(office: Office, who: dict[str, str], contact: str) -> None:
    """In the list of contacts with its journey, its conversation, the ledger, on the server where it belongs; nobody else reads it."""
    centre, world = office.centre, office.world
    await centre.projected("mine")
    admin = await world.headers("admin")
    row = next(one for one in (await office.ask("GET", "/contacts", admin))["items"] if one["id"] == contact)
    assert (row["channel"], bool(row["customer"])) == ("mail", True), "a card was made by his address"
    detail = await office.ask("GET", f"/contacts/{contact}", admin)
    assert [one["kind"] for one in detail["segments"]] == ["queue", "agent"]
    mails = (await office.ask("GET", f"/contacts/{contact}/mails", who))["items"]
    assert [(one["direction"], one["state"]) for one in mails] == [("in", "taken"), ("out", "sent")]
    fetched = await world.ask("GET", f"/mails/{mails[1]['id']}/attachment?part=1", who)
    assert fetched.content == b"%PDF-1.4 corrected"
    stranger = await world.headers("1002")
    await office.ask("GET", f"/contacts/{contact}/mails", stranger, 404)
    await office.ask("GET", f"/mails/{mails[0]['id']}", stranger, 404)
    await so(lambda: _done(office))
    facts = [event for kind in ("mail.taken", "mail.answered", "contact.arrived") for event in await centre.facts(kind)]
    assert len(facts) == 3
    assert "example.org" not in str(facts), "no address of a customer stands in the ledger"
    files = list((world.settings.home / "mails").rglob("*.eml"))
    assert len(files) == 2
    assert all("账单".encode() not in file.read_bytes() and b"Wang" not in file.read_bytes() for file in files), "sealed"


def painted() -> bytes:
    """With HTML that would like to fetch and to run, and with an attachment."""
    mail = MIMEMultipart()
    mail["From"] = f"=?gb2312?B?{_base64('王小波', 'gb2312')}?= <Wang@Example.org>"
    mail["To"] = USER
    mail["Subject"] = f"=?gb2312?B?{_base64('燃气费有误・镕', 'gb2312')}?="
    mail["Message-ID"] = "<painted@example.org>"
    both = MIMEMultipart("alternative")
    both.attach(MIMEText("您好，\n账单多收了。镕", "plain", "gb18030"))
    both.attach(
        MIMEText(
            "<script>alert(1)</script><p onclick='x()' style='color:red;background:url(http://spy.example/a)'>您好，<br>账单多收了。镕</p>"
            "<img src='http://spy.example/b.png'><form action='http://spy.example'><input></form>",
            "html",
            "gb18030",
        )
    )
    mail.attach(both)
    file = MIMEApplication(b"%PDF-1.4 bill", "pdf")
    file.add_header("Content-Disposition", "attachment", filename=("gb18030", "", "账单.pdf"))
    mail.attach(file)
    return mail.as_bytes()


@pytest.mark.dovecot
@pytest.mark.timeout(300)
async def test_a_server_that_takes_nothing_is_told_of_and_waited_for(office: Office) -> None:
    """Nothing is spent on it, and after a change of the settings everything goes by itself."""
    centre, world = office.centre, office.world
    admin, who = await world.headers("admin"), await centre.ready("1001")
    account = await office.account(smtp_port=free_port())
    await office.begin()
    office.servers.deliver(letter())
    await so(lambda: _state(centre, "offered"))
    (assignment,) = centre.assignments("1001")
    await office.ask("POST", f"/me/assignments/{assignment.id}/open", who, 204)
    mail = (await office.rows())[0]["id"]
    await office.answer(who, assignment.id, mail, "一")
    assert (await so(lambda: _sending(office, "failed")))["reason"] == "no_connection"
    await office.answer(who, assignment.id, mail, "二")
    await asyncio.sleep(3.0)
    waiting = [(row["state"], row["tries"]) for row in await office.rows() if row["direction"] == "out"]
    assert waiting == [("waiting", 1), ("waiting", 0)]
    (mine,) = [one for one in (await office.ask("GET", "/config/mail_accounts", admin))["items"] if one["id"] == account]
    changed = {name: value for name, value in mine.items() if name not in ("id", "version")} | {"smtp_port": office.servers.smtp_port}
    await office.ask("PUT", f"/config/mail_accounts/{account}", admin, json=changed, headers={"If-Match": f'"{mine["version"]}"'})
    assert (await so(lambda: _sending(office, "ok")))["reason"] == ""
    await so(lambda: _out(office, "sent", "sent"))
    assert len(office.servers.sent) == 2


@pytest.mark.dovecot
@pytest.mark.timeout(300)
async def test_whatever_dies_no_mail_is_lost_doubled_or_answered_twice(office: Office) -> None:
    """The worker, core's answer, the SMTP server in the middle; machines are answered by nobody."""
    centre, world = office.centre, office.world
    who = await centre.ready("1001")
    await office.account(done_folder="", imap_password="wrong")
    await office.begin()
    await so(lambda: _account_says(office, "failed", "credentials"))
    account = (await office.ask("GET", "/config/mail_accounts", await world.headers("admin")))["items"]
    (mine,) = [one for one in account if one["code"] == "service"]
    changed = {name: value for name, value in mine.items() if name not in ("id", "version")} | {"imap_password": PASSWORD}
    admin = await world.headers("admin")
    await office.ask("PUT", f"/config/mail_accounts/{mine['id']}", admin, json=changed, headers={"If-Match": f'"{mine["version"]}"'})
    await so(lambda: _account_says(office, "ok", ""))
    # Core is away while a mail comes: it waits in PostgreSQL. The worker dies meanwhile, and finds it again on the server.
    await centre.stop("core")
    office.servers.deliver(letter("一", message_id="<one@example.org>"))
    await so(lambda: _count(office, 1))
    await office.die()
    async with world.database.transaction() as connection:  # as if it had died before it wrote down how far it had read
        await connection.execute(text("update mail_places set uid = 0"))
    office.servers.deliver(letter("一", message_id="<one@example.org>"))
    office.servers.deliver(letter("自动回复", message_id="<auto@example.org>", Auto_Submitted="auto-replied"))
    await office.begin()
    await so(lambda: _count(office, 2))
    await centre.start_core()
    await so(lambda: _state(centre, "offered"))
    await so(lambda: _taken(office))
    assert [(row["state"], row["reason"]) for row in await office.rows()] == [("taken", ""), ("kept", "auto_reply")]
    assert len(centre.queued()) == 1
    # Core has it, but nobody heard so: asked again, it is the same contact.
    async with world.database.transaction() as connection:
        await connection.execute(text("update mail_messages set state = 'new' where state = 'taken'"))
    await so(lambda: _taken(office))
    assert len(await centre.facts("contact.arrived")) == 1
    (assignment,) = centre.assignments("1001")
    await office.ask("POST", f"/me/assignments/{assignment.id}/open", who, 204)
    mail = (await office.rows())[0]["id"]
    # Somebody else's desk cannot answer it; an address that is none is said before anything is sent.
    other = await world.headers("1002")
    await office.answer(other, assignment.id, mail, "x", 404)
    await office.answer(who, assignment.id, mail, "x", 422, data={"to": "nobody"})
    await office.answer(who, str(uuid.uuid4()), mail, "x", 404)
    # Refused for now: tried again. Refused for good: told, and sent again only when somebody says so.
    office.servers.answers += ["550 not wanted"]
    sent = await office.answer(who, assignment.id, mail, "一")
    await so(lambda: _out(office, "failed"))
    await office.ask("POST", f"/mails/{sent['id']}/again", who, 204)
    await so(lambda: _out(office, "sent"))
    await office.ask("POST", f"/mails/{sent['id']}/again", who, 409)
    # A worker that died in the middle: nobody knows, and it is not sent by itself.
    await office.die()
    async with world.database.transaction() as connection:
        begun = "update mail_messages set state = 'sending', next_at = now() - interval '1 hour' where direction = 'out'"
        await connection.execute(text(begun))
    keys = sealer_of(world.settings.secrets_folder, SystemClock())
    told = await rotate(world.database, keys, SystemClock())
    assert any("it opens 1 passwords" in line for line in told), "the key of passwords is changed"
    await office.begin()
    await so(lambda: _out(office, "uncertain"))
    assert len(office.servers.sent) == 1
    # It comes back: the answer says so.
    office.servers.deliver(bounce(f"<{sent['id']}@example.com>"))
    await so(lambda: _out(office, "returned"))
    await so(lambda: _all_seen(office, 4))
    await decided_by_people(office, admin)


async def decided_by_people(office: Office, admin: dict[str, str]) -> None:
    """What was kept aside is discarded, and taken in after all; each is in the audit log. What has no address any more waits for nobody."""
    agent = await office.world.headers("1001")
    await office.ask("GET", "/mails", agent, 403)
    kept = {one["reason"]: one["id"] for one in (await office.ask("GET", "/mails", admin, params={"state": "kept"}))["items"]}
    assert set(kept) == {"auto_reply", "bounce", "bulk"}
    assert (await office.ask("GET", "/mails", admin, params={"state": "stuck"}))["items"] == []
    assert [one["state"] for one in (await office.ask("GET", "/mails", admin, params={"state": "undelivered"}))["items"]] == ["returned"]
    mail = f"/mails/{kept['auto_reply']}"
    await office.ask("POST", f"{mail}/discard", agent, 403)
    await office.ask("POST", f"{mail}/discard", admin, 204)
    await office.ask("POST", f"{mail}/discard", admin, 409)
    (gone,) = (await office.ask("GET", "/mails", admin, params={"state": "discarded"}))["items"]
    assert (gone["id"], gone["reason"]) == (kept["auto_reply"], "auto_reply"), "it is still said why"
    await office.ask("POST", f"{mail}/queue", admin, 204)
    await so(lambda: _in(office, kept["auto_reply"], "taken"))
    await office.ask("POST", f"{mail}/discard", admin, 409)
    async with office.world.database.transaction() as connection:
        lost = "update mail_messages set account_id = null, state = 'new', reason = '' where id = cast(:id as uuid)"
        await connection.execute(text(lost), {"id": kept["bulk"]})
    (stuck,) = (await office.ask("GET", "/mails", admin, params={"state": "stuck"}))["items"]
    assert (stuck["id"], stuck["reason"]) == (kept["bulk"], "no_account")
    await office.ask("POST", f"/mails/{kept['bulk']}/queue", admin, 409)
    await office.ask("POST", f"/mails/{kept['bulk']}/discard", admin, 204)
    async with office.world.database.transaction() as connection:
        told = "select action from audit where tenant_id = :t and object_id = any(:mails) and action like 'mail.%d' order by at"
        rows = await connection.execute(text(told), {"t": office.world.mine.id, "mails": [kept["auto_reply"], kept["bulk"]]})
        assert list(rows.scalars()) == ["mail.discarded", "mail.queued", "mail.discarded"]


def bounce(about: str) -> bytes:
    """As RFC 3464 has it."""
    return (
        "From: MAILER-DAEMON@example.org\r\nTo: service@example.com\r\nSubject: failed\r\nMessage-ID: <bounce@example.org>\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n--x\r\n\r\nSorry.\r\n'
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.org\r\n\r\nAction: failed\r\n"
        f"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {about}\r\n--x--\r\n"
    ).encode()


async def _account_says(office: Office, state: str, reason: str) -> bool:
    found = (await office.ask("GET", "/mail_accounts", await office.world.headers("admin")))["items"]
    return any((one["state"], one["reason"]) == (state, reason) for one in found)


async def _all_seen(office: Office, number: int) -> bool:
    flags = await asyncio.to_thread(office.servers.flags)
    return len(flags) == number and all(b"Seen" in line for line in flags)


async def _count(office: Office, number: int) -> bool:
    return len(await office.rows()) == number


async def _in(office: Office, mail: str, state: str) -> bool:
    return [row["state"] for row in await office.rows() if str(row["id"]) == mail] == [state]


async def _taken(office: Office) -> bool:
    return bool((await office.rows())[0]["state"] == "taken")


async def _out(office: Office, *states: str) -> bool:
    return [row["state"] for row in await office.rows() if row["direction"] == "out"] == list(states)


async def _sending(office: Office, state: str) -> dict[str, Any] | None:
    found = (await office.ask("GET", "/mail_accounts", await office.world.headers("admin")))["items"]
    return next((one["sending"] for one in found if one["sending"]["state"] == state), None)


async def _state(centre: Centre, state: str) -> bool:
    return [one.state for one in centre.assignments("1001")] == [state]


async def _sent(office: Office) -> bool:
    return any(row["state"] == "sent" for row in await office.rows())


async def _done(office: Office) -> bool:
    return await asyncio.to_thread(lambda: len(office.servers.flags("Done")) == 1 and not office.servers.flags())
