"""Pictures of what supervisors and administrators read: assessments, agents' work, text messages, mails kept aside, who was refused.

Messages go to a message centre and a mail server of the tests, which are set up for the time of the story.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from screen_tools import ADMINISTRATOR, AGENT, SIP_PORT, SIZES, SUPERVISOR, URL, page_of, sign_in, take
from screens_switch import talk
from tests.smsc import SmscBeside
from tests.switches.wire import Wire
from tests.system.stack import Api, eventually
from tests.web import mail_server

from yitong.sip.guard import MAXIMUM_PROBES, MAXIMUM_TRIES

SMALL = SIZES[:1]
MARKS = ((1, 5, 4, 5, 1), (1, 3, 3, 4, 1), (0, 4, 5, 5, 1), (1, 5, 5, 5, 0))
NOTES = ("整体很好，结束前再确认一次地址。", "先问清需求，再给答案。", "忘了自报家门。", "核实身份前说出了客户地址。")
TEMPLATES = {
    "repair": ({"zh-CN": "报修受理", "en": "Repair taken"}, "{customer.name}您好，您的报修已受理，工程师将在 24 小时内与您联系。"),
    "bill": ({"zh-CN": "账单查询", "en": "Bill"}, "{customer.name}您好，您可在一通营业厅或公众号查询本期账单。客服热线 96900。"),
}
LETTERS = (
    ("孙丽", "sun.li@example.org", "自动回复：外出", "我本周出差，周五回来后回复。", {"Auto-Submitted": "auto-replied"}),
    (
        "燃气行业协会",
        "news@example.org",
        "行业周报 第 47 期",
        "本期要点：\n1. 冬季保供\n2. 入户安检新规",
        {"Precedence": "bulk", "List-Id": "<news>"},
    ),
    ("Wang Fang", "wang.fang@example.com", "Out of office", "I am back on Monday.", {"Auto-Submitted": "auto-replied"}),
)


def the_assessments(browser: Browser, password: str) -> None:
    """Recordings of an agent are assessed: one he has answered, others wait to be read, one is a draft; the supervisor looks at one."""
    with talk(browser, password) as (desk, _):
        desk.wait_for_timeout(8_000)
    with closing(Api(URL, SUPERVISOR, password)) as supervisor, closing(Api(URL, AGENT, password)) as agent:
        made = _assessed(supervisor)
        if len(made) > 2:
            of_own = f"/assessments/{made[0]}"
            answer = {"text": "客户先挂断了，没有机会再确认地址。"}
            agent("POST", f"{of_own}/answer", json=answer, headers=_version(agent("GET", of_own)))
    with page_of(browser) as page, page_of(browser) as desk:
        sign_in(desk, AGENT, password)
        desk.wait_for_selector("[data-test=unread-assessments]")
        desk.goto(f"{URL}/assessments")
        desk.wait_for_selector("[data-test=not-read]")
        take(desk, "assessments-own", SMALL)
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/assessments/{made[0]}")
        page.wait_for_selector(".player canvas")
        page.wait_for_selector("[data-test=assessment]")
        page.wait_for_timeout(1000)
        take(page, "assessments", SMALL)


def _assessed(supervisor: Api) -> list[str]:
    """The newest recordings of the agent, each with a score; the last one is not published. At least one is."""
    (sheet,) = [one for one in supervisor("GET", "/score_sheets")["items"] if one["code"] == "service"]

    def found() -> list[str]:
        contacts = supervisor("GET", "/contacts", params={"limit": 30})["items"]
        whole = (supervisor("GET", f"/contacts/{one['id']}") for one in contacts if one["ended_at"])
        kept = [one["id"] for contact in whole for one in contact["recordings"] if one["state"] == "there"]
        return [one for one in kept if not supervisor("GET", "/assessments", params={"recording": one})["items"]]

    recordings = eventually(found, 30.0, "no recording to assess")[: len(MARKS)]
    made = []
    for place, (recording, marks) in enumerate(zip(recordings, MARKS, strict=False)):
        draft = supervisor("POST", "/assessments", 201, json={"recording": recording, "sheet": sheet["id"]})
        given = [{"key": one["key"], "value": value} for one, value in zip(sheet["criteria"], marks, strict=True)]
        body = {"marks": given, "comments": [{"at_ms": 1200, "text": "问候得体，语速合适。"}], "note": NOTES[place]}
        draft = supervisor("PUT", f"/assessments/{draft['id']}", json=body, headers=_version(draft))
        if place == 0 or place < len(recordings) - 1:
            supervisor("POST", f"/assessments/{draft['id']}/publish", headers=_version(draft))
        made.append(str(draft["id"]))
    return made


def the_work(browser: Browser, password: str) -> None:
    """What the agents did today, and one agent's breaks."""
    with page_of(browser) as page:
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/work")
        page.wait_for_selector("tr[data-work] .name")
        page.locator("tr[data-work] .name:enabled").first.click()
        page.wait_for_selector(".pauses")
        take(page, "work", SMALL)


def the_texts(browser: Browser, password: str) -> None:
    """An agent sends a customer messages: one arrives, one is refused, one waits to be tried again."""
    with closing(Api(URL, ADMINISTRATOR, password)) as admin, _message_centre(admin) as beside, page_of(browser) as page:
        for code, (name, words) in TEMPLATES.items():
            known = [one["code"] for one in admin("GET", "/config/text_templates")["items"]]
            if code not in known:
                admin("POST", "/config/text_templates", 201, json={"code": code, "name": name, "texts": {"zh-CN": words}})
        centre = beside.centre
        with talk(browser, password) as (desk, _):
            for place, answer in enumerate((0, 0x0B, 0x08)):  # taken, no such number, a fault of the centre
                centre.answers = [answer] if answer else []
                desk.keyboard.press("n")
                desk.locator("[data-test=text-box] input[type=radio]").nth(place % 2).check()
                desk.click("[data-test=text-send]:enabled")
                eventually(lambda: centre.taken and not centre.answers, 60.0, "no message came to the centre")
                desk.click("[data-test=text-box] .acts .plain")
                desk.wait_for_selector("[data-test=text-box]", state="detached")
        beside.receipt("m1", "DELIVRD")
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/texts")
        page.wait_for_selector("[data-text] .tag.danger")
        page.locator("[data-text]:has(.tag.danger)").first.click()
        page.wait_for_selector(".body dl")
        take(page, "texts", SMALL)


@contextmanager
def _message_centre(admin: Api) -> Iterator[SmscBeside]:
    """A message centre with a line to it."""
    beside = SmscBeside()
    line = _configured(admin, "text_lines", {
        "name": {"zh-CN": "短信网关", "en": "Message centre"}, "host": "127.0.0.1", "port": beside.centre.port, "system_id": "yitong",
        "password": "demo", "source": "10690", "per_second": 10,
    })  # fmt: skip
    try:
        yield beside
    finally:
        _removed(admin, "text_lines", line)
        beside.close()


def the_mails(browser: Browser, password: str) -> None:
    """Mails that nobody need answer were kept aside; one is read."""
    home = Path(tempfile.mkdtemp(prefix="ytm"))
    home.chmod(0o755)
    try:
        with mail_server.servers(home) as servers, closing(Api(URL, ADMINISTRATOR, password)) as admin, page_of(browser) as page:
            account = _mail_account(admin, servers)
            for name, address, subject, words, headers in LETTERS:
                mail = EmailMessage()
                mail["From"], mail["To"], mail["Subject"] = f"{name} <{address}>", mail_server.USER, subject
                mail["Message-ID"] = f"<{os.getpid()}.{address}>"
                for key, value in headers.items():
                    mail[key] = value
                mail.set_content(words)
                servers.deliver(mail.as_bytes())
            eventually(lambda: len(admin("GET", "/mails", params={"state": "kept"})["items"]) >= len(LETTERS), 120.0, "no mails came")
            sign_in(page, SUPERVISOR, password)
            page.goto(f"{URL}/mails")
            page.locator("[data-mail]").nth(1).click()
            page.wait_for_selector("[data-test=why]")
            page.wait_for_timeout(1000)
            take(page, "mails", SMALL)
            _removed(admin, "mail_accounts", account)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _mail_account(admin: Api, servers: mail_server.Servers) -> str:
    (queue,) = [one for one in admin("GET", "/config/queues")["items"] if one["code"] == "service"]
    return _configured(admin, "mail_accounts", {
        "name": {"zh-CN": "客服邮箱", "en": "Service mailbox"}, "site": queue["site"], "queue": queue["id"], "address": mail_server.USER,
        "sender": "客户服务", "signature": "一通客户服务", "imap_host": "127.0.0.1", "imap_port": servers.imap_port,
        "imap_username": mail_server.USER, "imap_password": mail_server.PASSWORD, "smtp_host": "127.0.0.1",
        "smtp_port": servers.smtp_port, "smtp_security": "none", "tls_ca": servers.certificate.read_text(), "done_folder": "Done",
    })  # fmt: skip


def the_security(browser: Browser, password: str) -> None:
    """Somebody guesses a telephone's password and is kept silent, a scanner looks around, and a sign-in fails."""
    with page_of(browser) as page, closing(Api(URL, ADMINISTRATOR, password)) as admin:
        with ThreadPoolExecutor(1) as beside:
            beside.submit(asyncio.run, _attacked(admin)).result()
        sign_in(page, ADMINISTRATOR, password)
        page.goto(f"{URL}/security")
        page.wait_for_selector("[data-ban]")
        take(page, "security", SMALL)


async def _attacked(admin: Api) -> None:
    """From addresses of their own, so that nobody else is kept silent."""
    guesser, scanner = Wire(("127.0.0.1", SIP_PORT), "127.0.0.21"), Wire(("127.0.0.1", SIP_PORT), "127.0.0.22")
    for number in range(3 * MAXIMUM_PROBES):
        scanner.send(scanner.build("REGISTER", user=str(100 + number), to=f"sip:{100 + number}@127.0.0.1"))
        await asyncio.sleep(0.02)
    for number in range(10 * MAXIMUM_TRIES):
        with suppress(AssertionError):  # an answer that is late counts for the switch all the same
            await guesser.authorized("REGISTER", "", "1098", f"wrong {number}", user="1098", to="sip:1098@127.0.0.1")
        if number + 1 >= MAXIMUM_TRIES and admin("GET", "/security")["bans"]:
            break
    for one in (guesser, scanner):
        one.close()


def _configured(admin: Api, kind: str, value: dict[str, Any]) -> str:
    return str(admin("POST", f"/config/{kind}", 201, json={"code": f"screens-{os.getpid()}", **value})["id"])


def _removed(admin: Api, kind: str, id: str) -> None:
    admin("DELETE", f"/config/{kind}/{id}", 204, headers=_version(admin("GET", f"/config/{kind}/{id}")))


def _version(thing: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{thing["version"]}"'}
