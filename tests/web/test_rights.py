"""W1: every operation of the API description × every role × another tenant's ids. Nothing is seen, nothing is changed.

A new route is covered by being in the description; one that takes a body must name a valid one in ``bodies``.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from tests.figures import figure
from tests.web.centre import Centre, until
from tests.web.world import CRITERIA, FLOW, NAME, Tenant, World

ROLES = ("1001", "1100", "admin", "nobody")
OPEN = {
    ("get", "/api/v1/public"), ("post", "/api/v1/sessions"), ("post", "/api/v1/guest/phone"),
    ("get", "/api/v1/recordings/{id}/sound"), ("get", "/api/v1/voice_messages/{id}/sound"),
    ("get", "/api/v1/recordings/{id}/live"),
}  # fmt: skip
"""The last three by link: test_links has them."""
SKIPPED = {("delete", "/api/v1/sessions/current"), ("post", "/api/v1/sessions/current/password"), ("post", "/api/v1/me/lock")}
"""They end or lock the caller's own session; test_sessions, test_live and test_lock have them."""


SOUND = b"RIFF" + (836).to_bytes(4, "little") + bytes.fromhex("57415645666d74201000000001000100401f0000803e00000200100064617461") + (
    (800).to_bytes(4, "little") + b"\x10\x00" * 400
)  # fmt: skip
"""A WAV of 50 ms."""


def bodies(of: Tenant, ids: Tenant) -> dict[str, Any]:
    """A valid body by path; ``ids``: whose things it refers to."""
    named = {"code": "new", "name": NAME}
    return {
        "/config/sites": named | {"zone": "Asia/Shanghai"},
        "/config/teams": named | {"site": ids.site, "supervisors": [ids.people["1100"].id]},
        "/config/skills": named,
        "/config/queues": named | {"site": ids.site, "requirement": [{"skill": ids.ids["skill"], "level": 3}]},
        "/config/flows": named | {"document": FLOW},
        "/config/numbers": {"number": "12345", "flow": ids.ids["flow"], "site": ids.site},
        "/config/trunks": named | {"site": ids.site},
        "/config/number_classes": {"code": "local", "name": NAME, "patterns": ["62."]},
        "/config/caller_rules": named | {"patterns": ["138."], "action": "prompt", "flow": ids.ids["flow"]},
        "/config/conference_rooms": named | {"site": ids.site, "number": "8002", "host_pin": "246810"},
        "/config/retentions": named | {"queue": ids.ids["queue"], "days": 30},
        "/config/score_sheets": named | {"criteria": CRITERIA},
        "/config/reasons": named,
        "/config/wrap_up_codes": named,
        "/config/users": {
            "username": "new", "name": NAME, "roles": ["agent"], "password": "long enough", "extension": "1999", "site": ids.site,
            "team": ids.ids["team"], "skills": {ids.ids["skill"]: 3},
        },
        "/recordings/{id}/note": {"title": "x"},
        "/recordings/{id}/hold": {"on": True},
        "/customers": {"name": "x", "numbers": ["+8613800000000"]},
        "/me": {"language": "en"},
        "/me/state": {"state": "ready"},
        "/me/assignments/{id}/wrap_up": {"code": "", "note": "n"},
        "/me/assignments/{id}/consult": {"number": "1002"},
        "/me/assignments/{id}/transfer": {"number": "1002"},
        "/me/assignments/{id}/mute": {"on": True},
        "/me/assignments/{id}/flow": {"flow": ids.ids["flow"], "step": "card"},
        "/me/assignments/{id}/send": {"prompt": "welcome"},
        "/me/assignments/{id}/keys": {"keys": "1#"},
        "/me/assignments/{id}/text": {"template": "received"},
        "/me/assignments/{id}/text/preview": {"template": "received"},
        "/me/lock": {"reason": "lunch"},
        "/me/unlock": {"password": "x"},
        "/me/inside_calls": {"number": "1002"},
        "/me/calls": {"number": "13800000000"},
        **{f"/{whose}/{{id}}/recording/{act}": {"seconds": 5} for whose in ("me/assignments", "agents") for act in ("pause", "start")},
        "/faxes/{id}/assignment": {"agent": ids.people["1001"].agent},
        "/faxes/{id}/seen": {"seen": True},
        "/fax_numbers": {"numbers": "13800000000"},
        "/fax_sendings": {"document": "tariff", "numbers": "13800000000"},
        "/fax_sendings/{id}/state": {"state": "paused"},
        "/conference_rooms/{id}/calls": {"number": "13800000000"},
        "/conferences/{id}/grant": {"member": ids.ids["conference_room"]},
        "/conferences/{id}/refuse": {"member": ids.ids["conference_room"]},
        "/conferences/{id}/remove": {"member": ids.ids["conference_room"]},
        "/conferences/{id}/speaking": {"member": ids.ids["conference_room"], "on": True},
        "/conferences/{id}/mute": {"on": True},
        "/conferences/{id}/lock": {"on": True},
        "/conferences/{id}/recording": {"on": True},
        "/agents/{id}/supervise": {"participation": "silent"},
        "/agents/{id}/state": {"state": "not_ready"},
        "/security/bans/lift": {"source": "192.0.2.1"},
        "/sessions": {"username": "1001", "password": "x"},
        "/sessions/current/password": {"old": "a", "new": "another one"},
        "/guest/phone": {"number": "96900"},
        "/config/mail_accounts": named | {
            "site": ids.site, "queue": ids.ids["queue"], "address": "x@example.com", "imap_host": "mail.example.com", "imap_username": "x",
            "smtp_host": "mail.example.com", "enabled": False,
        },
        "/me/assignments/{id}/give_back": {"queue": "service"},
        "/config/mailboxes": {"code": "x", "name": {"en": "X"}, "site": ids.site, "pin": "1234"},
        "/assessments": {"recording": ids.ids.get("recording foreign", ids.ids["queue"]), "sheet": ids.ids["score_sheet"]},
        "/assessments/{id}": {"marks": [], "comments": [], "note": "x"},
        "/assessments/{id}/answer": {"text": "x"},
        "/assessments/{id}/settle": {"text": "x"},
        "/config/mail_templates": named | {"texts": {"en": "Dear {customer.name}"}},
        "/config/text_lines": named | {"host": "sms.example.com"},
        "/config/text_templates": named | {"texts": {"en": "Hello {customer.name}"}},
        "/mailboxes/{id}/notice": {"on": True},
        "/voice_messages/{id}/status": {"status": "heard"},
        "/recordings/{id}/links": {"use": "play"},
    }  # fmt: skip


class Live:
    """A tenant at work: one contact talks, one rings, one waits."""

    def __init__(self, contacts: list[str], assignments: list[str], callers: set[str]) -> None:
        self.contacts, self.assignments, self.callers = contacts, assignments, callers

    @classmethod
    async def begin(cls, centre: Centre, tenant: str) -> Live:
        _, talking = await centre.talking("1001", tenant)
        _, ringing = await centre.offered("1002", tenant)
        await centre.call(tenant)
        await until(lambda: all(one.card for one in centre.host(tenant).partition.registry))
        await centre.projected(tenant)
        contacts = list(centre.host(tenant).partition.registry)
        assert len(contacts) == 3
        return cls([one.id for one in contacts], [talking, ringing], {one.calling for one in contacts})


def foreign_ids(path: str, other: Tenant, live: Live | None = None) -> list[str]:
    """The other tenant's ids that belong into ``path``; without a placeholder one empty text."""
    if "{id}" not in path:
        return [""]
    part = path.removeprefix("/api/v1/").removeprefix("config/").split("/")[0]
    odd = {
        "recordings": "recording foreign", "users": "user", "faxes": "fax", "number_classes": "number_class",
        "conferences": "conference_room", "mailboxes": "mailbox"
    }  # fmt: skip
    singular = odd.get(part, part.removesuffix("s"))
    if singular == "contact":
        return [other.contacts["foreign"], *(live.contacts if live else [])]
    if singular == "user":
        return [other.people["1001"].id]
    if part == "agents":
        return [str(other.people["1001"].agent)]
    if part == "me":
        return live.assignments if live else [str(uuid.uuid4())]
    return [other.ids[singular]]


def all_secrets(tenant: Tenant, live: Live) -> set[str]:
    """Everything that must never be seen by another tenant: ids, and who calls."""
    people = {person.id for person in tenant.people.values()} | {person.agent for person in tenant.people.values() if person.agent}
    lasting = {tenant.id, *tenant.ids.values(), *tenant.contacts.values()} | people
    return lasting | {*live.contacts, *live.assignments} | live.callers


async def rows_of(world: World, tenant: Tenant) -> dict[str, list[str]]:
    """Everything that is stored of a tenant."""
    found: dict[str, list[str]] = {}
    async with world.database.transaction() as connection:
        tables = await connection.execute(text(
            "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'tenant_id'"
            " and table_name not in ('sessions', 'ledger_default') and table_name not like 'ledger_2%'"
        ))  # fmt: skip
        for (table,) in list(tables):
            rows = await connection.execute(text(f"select t::text from {table} t where tenant_id = :id order by 1"), {"id": tenant.id})
            found[table] = [row[0] for row in rows]
    return found


async def operations(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    schema = (await world.client.get("/api/v1/openapi.json")).json()
    return [(method, path, operation) for path, methods in schema["paths"].items() for method, operation in methods.items()]


def sent(method: str, path: str, operation: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """What goes with the request."""
    if "requestBody" not in operation:
        return {}
    short = path.removeprefix("/api/v1")
    if short.startswith("/config/prompts"):
        return {"files": {"file": ("x.wav", SOUND, "audio/wav")}, "data": {"code": "x", "language": "en"}}
    if short.startswith("/config/fax_documents"):
        return {"data": {"code": "x", "name": "x", "text": "x"}}
    if short == "/mails":
        return {"data": {"assignment": str(uuid.uuid4()), "answers": str(uuid.uuid4()), "to": "x@example.com", "text": "x"}}
    if short.startswith("/fax_uploads"):
        return {"data": {"name": "x", "text": "x"}}
    body = values.get(short, values.get(short.removesuffix("/{id}")))
    assert body is not None, f"{method} {path} needs a body in bodies()"
    return {"json": body}


@pytest.mark.case("W1")
@pytest.mark.parametrize("role", ROLES)
async def test_no_operation_shows_or_changes_what_is_another_tenants(world: World, centre: Centre, role: str) -> None:
    """While the other tenant talks, rings and waits: neither its rows nor its ledger nor its engine nor its calls are touched."""
    await centre.start_worker()
    await world.contact(world.other, "foreign", "1001", told=False)
    await world.fax(world.other, "foreign")
    await world.contact(world.mine, "own", "1001", told=False)
    live = await Live.begin(centre, "other")
    who, secrets = await world.headers(role), all_secrets(world.other, live)
    before = await rows_of(world, world.other), await centre.everything("other")
    tried = 0
    for method, path, operation in await operations(world):
        if (method, path) in SKIPPED | OPEN:
            continue
        for id in foreign_ids(path, world.other, live):
            url = path.removeprefix("/api/v1").replace("{id}", id)
            answer = await world.ask(
                method.upper(), url, who, headers={"If-Match": '"1"'}, **sent(method, path, operation, bodies(world.mine, world.other))
            )
            tried += 1
            if id:
                assert answer.status_code in (403, 404, 409), (method, path, answer.status_code, answer.text)
                assert answer.status_code != 409 or answer.json()["code"] == "no_agent", (method, path, answer.text)
            leaked = {secret for secret in secrets if secret in answer.text}
            assert not leaked, (method, path, leaked)
            # nobody is at the switch's end of the wire here
            assert answer.status_code < 500 or answer.json()["code"] == "switch_unavailable", (method, path, answer.text)
    assert tried > 80
    figure("W1", f"{tried} requests as each of four roles against a tenant in the middle of its calls: nothing shown, nothing changed")
    await centre.projected("mine")
    assert await rows_of(world, world.other) == before[0]
    assert await centre.everything("other") == before[1]


@pytest.mark.case("W1")
async def test_the_same_operations_show_and_change_ones_own(world: World, centre: Centre) -> None:
    """So that the test above is not true for want of anything to see."""
    await centre.start_worker()
    live = await Live.begin(centre, "other")
    agent, supervisor = await world.headers("1001", "other"), await world.headers("1100", "other")
    listed = (await world.ask("GET", "/contacts", await world.headers("admin", "other"))).json()["items"]
    assert {one["id"] for one in listed} == set(live.contacts)
    assert {one["calling"].removeprefix("+86") for one in listed} == live.callers
    (queue,) = (await world.ask("GET", "/queues", agent)).json()["items"]
    assert (queue["id"], queue["waiting"]) == (world.other.ids["queue"], 2)
    states = {one["extension"]: one["state"] for one in (await world.ask("GET", "/agents", supervisor)).json()["items"]}
    assert states == {"1001": "busy"}
    talking = centre.assignments("1001", "other")[0]
    assert (await world.ask("GET", f"/contacts/{talking.contact}", agent)).status_code == 200
    before = await centre.everything("other")
    assert (await world.ask("POST", f"/me/assignments/{talking.id}/hold", agent)).status_code == 204
    await until(lambda: talking.state == "held")
    assert await centre.everything("other") != before


@pytest.mark.case("W1")
async def test_without_a_token_every_operation_is_refused(world: World) -> None:
    for method, path, operation in await operations(world):
        url = path.removeprefix("/api/v1").replace("{id}", str(uuid.uuid4()))
        if (method, path) in OPEN:
            assert "security" not in operation
            continue
        answer = await world.ask(method.upper(), url, **sent(method, path, operation, bodies(world.mine, world.mine)))
        assert answer.status_code == 401, (method, path, answer.text)


@pytest.mark.case("W1")
async def test_an_agent_and_a_user_without_rights_change_no_configuration(world: World) -> None:
    before = await rows_of(world, world.mine)
    for role in ("1001", "nobody"):
        who = await world.headers(role)
        for method, path, operation in await operations(world):
            if not path.startswith("/api/v1/config/"):
                continue
            url = path.removeprefix("/api/v1").replace("{id}", foreign_ids(path, world.mine)[0])
            answer = await world.ask(
                method.upper(), url, who, headers={"If-Match": '"1"'}, **sent(method, path, operation, bodies(world.mine, world.mine))
            )
            assert answer.status_code == 403, (role, method, path, answer.text)
    after = await rows_of(world, world.mine)
    assert {**before, "audit": []} == {**after, "audit": []}


@pytest.mark.case("W1")
async def test_own_things_cannot_be_tied_to_another_tenants(world: World) -> None:
    who = await world.headers("admin")
    foreign = bodies(world.mine, world.other)
    for path in ("/config/teams", "/config/queues", "/config/numbers", "/config/trunks", "/config/users"):
        answer = await world.ask("POST", path, who, json=foreign[path])
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json()["code"] == "unknown_reference", (path, answer.text)


@pytest.mark.case("W9")
async def test_fields_that_are_not_ours_to_set_are_refused(world: World) -> None:
    who = await world.headers("admin")
    for path, body in bodies(world.mine, world.mine).items():
        method = {"/me": "PATCH", "/me/state": "PUT"}.get(path, "POST")
        if "{id}" in path:
            continue
        answer = await world.ask(method, path, who, json=body | {"tenant_id": world.other.id})
        assert answer.status_code in (403, 422), (path, answer.text)
        if answer.status_code == 422:
            assert "tenant_id" in json.dumps(answer.json()["parameters"]), path
