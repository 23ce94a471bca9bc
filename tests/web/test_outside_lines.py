"""Trunks, classes of numbers and caller rules over HTTP: what is checked, and that a trunk's password never comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import text
from tests.web.world import NAME, World

from yitong.app.processes.switch import options
from yitong.contact.screening import Screening
from yitong.ct.numbering import NumberClass, number_class
from yitong.ct.switches.soft.directory import Directory
from yitong.domains.sites.store.published import compiled_all

SECRET = "geheim-0815"


def line(world: World, **fields: Any) -> dict[str, Any]:
    return {
        "code": "operator", "name": NAME, "site": world.mine.site, "host": "sip.operator.example", "username": "line1", "register": True,
        "prefixes": [{"prefix": "13", "price": "0.08"}, {"prefix": ""}], "channels": 30, "codecs": ["PCMA"], "caller_id": "fixed",
        "rewrite_called": [{"pattern": "1[3-9]XXXXXXXXX", "strip": 0, "prepend": "+86"}], "caller_number": "02196900", **fields,
    }  # fmt: skip


async def test_a_trunks_password_is_written_kept_and_never_given_back(world: World) -> None:
    who = await world.headers("admin")
    made = await world.ask("POST", "/config/trunks", who, json=line(world, password=SECRET))
    assert made.status_code == 201, made.text
    url = f"/config/trunks/{made.json()['id']}"
    changed = await world.ask("PUT", url, who, json=line(world, weight=3), headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    answers = [made, changed, await world.ask("GET", url, who), await world.ask("GET", "/config/trunks", who)]
    answers += [await world.ask("GET", f"{url}/history", who), await world.ask("GET", "/config/audit", who)]
    assert all(SECRET not in answer.text and 'password":' not in answer.text for answer in answers)
    assert (changed.json()["weight"], changed.json()["register"], changed.json()["prefixes"][0]["price"]) == (3, True, "0.08")
    async with world.database.transaction() as connection:
        kept = str(await connection.scalar(text("select password from trunks where code = 'operator'")))
        assert options(world.settings, None).open_password(world.mine.id, kept) == SECRET
        everything = await connection.execute(text("select to_jsonb(c) from changes c union all select to_jsonb(a) from audit a"))
        assert SECRET not in json.dumps([row[0] for row in everything])
    cleared = await world.ask("PUT", url, who, json=line(world, password=""), headers={"If-Match": '"2"'})
    assert cleared.status_code == 200
    async with world.database.transaction() as connection:
        assert await connection.scalar(text("select password from trunks where code = 'operator'")) == ""


NO_TRUNKS: tuple[dict[str, Any], ...] = (
    {"host": ""}, {"host": "bad host"}, {"username": "a b"}, {"realm": "a\"b"}, {"transport": "x"}, {"port": -1}, {"codecs": ["G729"]},
    {"tls_ca": "no certificate"}, {"srtp": True},
    {"link": True}, {"link": True, "transport": "tls", "username": "", "register": False}, {"distant": [{"number": "20Y"}]},
    {"rewrite_called": [{"pattern": "[9-3]"}]}, {"rewrite_called": [{"pattern": "+86."}, {"pattern": ""}]}, {"caller_number": "abc"},
    {"prefixes": [{"prefix": "x"}]}, {"prefixes": [{"prefix": "1", "price": "-1"}]},
)  # fmt: skip
NO_RULES: tuple[dict[str, Any], ...] = (
    {"action": "prompt"}, {"patterns": ["13a"]}, {"hours": [{"days": ["mon"], "from": "25:00", "to": "06:00"}]}, {"action": "shout"},
)  # fmt: skip


async def test_a_trunk_that_cannot_work_is_refused(world: World) -> None:
    who = await world.headers("admin")
    for wrong in NO_TRUNKS:
        refused = await world.ask("POST", "/config/trunks", who, json=line(world, **wrong))
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), wrong


async def test_a_caller_rule_that_says_nothing_is_refused(world: World) -> None:
    who = await world.headers("admin")
    for wrong in NO_RULES:
        refused = await world.ask("POST", "/config/caller_rules", who, json={"code": "black", "name": NAME, "patterns": ["138."], **wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), wrong


async def test_hours_of_a_rule_come_back_as_they_were_sent(world: World) -> None:
    hours = [{"days": ["sat", "sun"], "from": "22:00", "to": "06:00"}]
    body = {"code": "night", "name": NAME, "withheld": True, "hours": hours, "numbers": ["96900"], "action": "low_priority"}
    made = await world.ask("POST", "/config/caller_rules", await world.headers("admin"), json=body)
    assert made.status_code == 201, made.text
    assert made.json()["hours"] == hours


async def test_an_agents_classes_are_part_of_the_user(world: World) -> None:
    who, url = await world.headers("admin"), f"/config/users/{world.mine.people['1002'].id}"
    user = (await world.ask("GET", url, who)).json()
    assert user["may_call"] == []
    names = ("username", "name", "language", "roles", "extension", "team", "site", "skills")
    body = {name: user[name] for name in names} | {"may_call": ["local", "mobile"]}
    changed = await world.ask("PUT", url, who, json=body, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.json()["may_call"] == ["local", "mobile"]


async def test_what_is_published_is_what_the_switch_and_the_core_read(world: World) -> None:
    who = await world.headers("admin")
    rule = {"code": "black", "name": NAME, "patterns": ["138."], "hours": [{"days": ["mon"], "from": "00:00", "to": "24:00"}]}
    for path, body in (
        ("trunks", line(world, password=SECRET)), ("caller_rules", rule),
        ("number_classes", {"code": "local", "name": NAME, "patterns": ["62."]}),
    ):  # fmt: skip
        made = await world.ask("POST", f"/config/{path}", who, json=body)
        assert made.status_code == 201, made.text
    directory, lists = Directory(), Screening()
    tenant = world.mine.id
    async with world.database.transaction() as connection:
        for kind in ("tenant", "trunk", "number_class", "caller_rule"):
            for document in await compiled_all(connection, tenant, kind):
                value = msgspec.json.encode(document)
                directory.put(f"{tenant}.{kind}.{document['id']}", value)
                lists.configure(kind, document["id"], msgspec.json.decode(value))
    (trunk,) = [record for _, _, record in directory.trunks() if record.code == "operator"]
    password = options(world.settings, None).open_password(tenant, trunk.password)
    assert (password, trunk.register, trunk.prefixes[0].price) == (SECRET, True, Decimal("0.08"))
    assert trunk.rewrite_called[0].prepend == "+86"
    assert number_class("6212", directory.rules(tenant)) is NumberClass.LOCAL
    monday = round(datetime(2026, 11, 23, 2, tzinfo=UTC).timestamp() * 1_000_000)
    assert lists.of("13812345678", "96900", monday) is not None
