"""Several tenants at one soft switch: the same extensions and numbers, each in its own realm."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.switches.agents import Agent
from tests.switches.rigs import MUSIC, TENANT, matching
from tests.switches.situations import talking
from tests.switches.soft_rig import SITE, SoftRig, account
from tests.switches.wire import SDP, Wire

from yitong.ct.events import Delivered, Held
from yitong.ct.model import StandingOrder
from yitong.ct.switches.soft.directory import DEFAULT_REALM, Directory
from yitong.sip.digest import ha1

OTHER = "t2"
"""The second tenant, whose realm is its code."""
CODE = "second"


@pytest.fixture
def two(soft: SoftRig) -> SoftRig:
    """Both tenants have 1001 and 1002, with passwords of their own; the first one's realm is not its code."""
    soft.configure("trunk", "demo", {"code": "demo", "addresses": [], "site": SITE})
    soft.configure("tenant", TENANT, {"code": "first"})
    soft.switch.configure(f"{OTHER}.tenant.{OTHER}", json.dumps({"code": CODE}).encode())
    soft.switch.configure(f"{OTHER}.site.{SITE}", b"{}")
    for number in ("1001", "1002"):
        soft.switch.configure(f"{TENANT}.account.a{number}", account(number, "one"))
        soft.switch.configure(f"{OTHER}.account.b{number}", account(number, "two", CODE))
    return soft


@pytest.fixture
def wire(soft: SoftRig) -> Iterator[Wire]:
    made = Wire(soft.server)
    yield made
    made.close()


async def phone(rig: SoftRig, number: str, password: str, domain: str) -> Agent:
    agent = await rig.agent(number, password)
    agent.domain = domain
    agent.register()
    await rig.true(lambda: agent.registered == 200, f"{number} of {domain}")
    return agent


async def test_the_same_extension_rings_in_its_own_tenant(two: SoftRig) -> None:
    mine = [await phone(two, number, "one", "127.0.0.1") for number in ("1001", "1002")]
    others = [await phone(two, number, "two", domain) for number, domain in (("1001", CODE), ("1002", f"{CODE}.example.com"))]
    for caller, called, silent in ((mine[0], mine[1], others[1]), (others[0], others[1], mine[1])):
        before = len(silent.invitations)
        caller.call("1002")
        await two.true(lambda called=called: called.ringing is not None)  # type: ignore[misc]
        assert len(silent.invitations) == before
        caller.hang_up()
        await two.true(lambda called=called: called.ringing is None)  # type: ignore[misc]
    assert {event.tenant for event in two.events if isinstance(event, Delivered)} == {TENANT, OTHER}
    assert matching(two.events, Delivered, {"tenant": OTHER, "device": f"{TENANT}/phone/1002"}) is None


async def test_a_password_is_worth_nothing_in_the_other_tenant(two: SoftRig, wire: Wire) -> None:
    for host, password in (("127.0.0.1", "two"), (CODE, "one")):
        response, _ = await wire.authorized("REGISTER", f"sip:{host}", "1001", password, user="1001", to=f"sip:1001@{host}")
        assert response is not None
        assert response.status == 401
    assert not two.switch.registrations.registrar.bindings(f"{OTHER}/phone/1001", 0.0)


async def test_removing_one_tenants_account_leaves_the_others(two: SoftRig) -> None:
    await phone(two, "1001", "one", "127.0.0.1")
    await phone(two, "1001", "two", CODE)
    two.switch.configure(f"{OTHER}.account.b1001", None)
    assert two.switch.registrations.target(f"{OTHER}/phone/1001") is None
    assert two.switch.registrations.target(f"{TENANT}/phone/1001") is not None


@pytest.mark.case("R3")
@pytest.mark.parametrize(
    ("host", "realm"),
    [("127.0.0.1", "yitong"), ("pbx.example.com", "yitong"), ("first.example.com", "yitong"), (CODE, CODE), (f"{CODE}.invalid", CODE)],
)
async def test_the_host_and_never_the_user_decides_which_realm_is_challenged(two: SoftRig, wire: Wire, host: str, realm: str) -> None:
    shapes = set()
    for user in ("1001", "4711", "page-1"):
        for method, uri in (("REGISTER", f"sip:{host}"), ("INVITE", f"sip:{user}@{host}")):
            response = await wire.ask(method, uri, user=user, to=f"sip:{user}@{host}", body=SDP if method == "INVITE" else "")
            assert response is not None
            challenges = response.all("WWW-Authenticate") + response.all("Proxy-Authenticate")
            assert all(f'realm="{realm}"' in challenge for challenge in challenges)
            shapes.add((method, response.status, tuple(name for name, _ in response.headers)))
    assert len(shapes) == 2


async def test_credentials_of_no_tenants_realm_are_challenged_anew(two: SoftRig, wire: Wire) -> None:
    response = await wire.ask("REGISTER", user="1001", to="sip:1001@127.0.0.1")
    assert response is not None
    forged = response.need("WWW-Authenticate").split('nonce="')[1].split('"')[0]
    value = f'Digest username="1001", realm="nobody", nonce="{forged}", uri="sip:127.0.0.1", response="{"0" * 32}", algorithm=MD5'
    value += ', qop=auth, nc=00000001, cnonce="c"'
    for _ in range(3):
        again = await wire.ask("REGISTER", user="1001", to="sip:1001@127.0.0.1", headers=(f"Authorization: {value}",))
        assert again is not None
        assert again.status == 401
        assert 'realm="yitong"' in again.need("WWW-Authenticate")


async def test_a_guest_calls_the_number_of_its_tenant(two: SoftRig) -> None:
    name, number = "guest-2", "96900"
    fields = {"username": name, "realm": CODE, "kind": "guest", "number": number, "site": SITE, "expires_at": 0}
    fields |= {"ha1_md5": ha1("MD5", name, CODE, "pw"), "ha1_sha256": ha1("SHA-256", name, CODE, "pw")}
    two.switch.configure(f"{OTHER}.number.n9", json.dumps({"number": number, "site": SITE, "web": True}).encode())
    two.switch.configure(f"{OTHER}.page.{name}", json.dumps(fields).encode())
    guest = await two.agent(name, "pw")
    guest.domain = f"{CODE}.invalid"
    guest.call(number)
    told = await two.until(Delivered, incoming=True)
    assert (told.tenant, told.device, told.called) == (OTHER, f"{OTHER}/guest/{name}", number)


def test_a_name_taken_in_a_shared_realm_stays_the_first_tenants() -> None:
    directory = Directory()
    assert directory.realm_for(["127.0.0.1"]) == DEFAULT_REALM
    for tenant in (OTHER, TENANT):
        directory.put(f"{tenant}.account.a", account("1001"))
    who = directory.identity(DEFAULT_REALM, "1001")
    assert who is not None
    assert who.tenant == TENANT
    assert directory.device(f"{OTHER}/phone/1001") is None
    directory.put("t3.tenant.t3", b'{"code": "10"}')
    assert directory.realm_for(["10.0.0.1"]) == DEFAULT_REALM
    assert directory.realm_for(["10"]) == "10"


async def test_a_trunk_calls_only_its_numbers(soft: SoftRig, wire: Wire) -> None:
    trunk = {"code": "demo", "addresses": ["127.0.0.1/32"], "site": SITE, "numbers": ["96901"]}
    soft.configure("trunk", "demo", trunk)
    soft.configure("number", "n2", {"number": "96901", "site": SITE})
    refused = await wire.ask("INVITE", "96900", body=SDP)
    assert refused is not None
    assert refused.status == 407
    wire.send(wire.build("INVITE", "96901", body=SDP))
    told = await soft.until(Delivered, incoming=True)
    assert told.called == "96901"


@pytest.mark.parametrize("of", ["tenant", "another tenant", "queue"])
async def test_who_is_held_by_a_phone_hears_music(soft: SoftRig, of: str) -> None:
    """The queue's (as its standing order has it), else the tenant's, else the first tenant's that has one."""
    order = StandingOrder(wait_seconds=30.0, music=MUSIC if of == "queue" else "")
    if of != "queue":
        told = json.dumps({"code": "music", "language": "en", "file": MUSIC, "text": ""}).encode()
        soft.switch.configure(f"{TENANT if of == 'tenant' else 't0'}.prompt.p1", told)
    soft.configure("prompt", "p2", {"code": "greeting", "language": "en", "file": "hello.wav"})
    made = await talking(soft, order=order)
    assert made.phone is not None
    caller = soft.agents[1]
    await soft.true(lambda: len(caller.rtp.heard) > 10)
    await made.phone.hold()
    assert (await soft.until(Held, connection=made.agent)).service == ""
    await soft.true(lambda: len(set(b"".join(caller.rtp.heard[-5:]))) > 1)
    await made.phone.retrieve()
    await soft.true(lambda: set(b"".join(caller.rtp.heard[-5:])) <= {0xD5, 0x55})
