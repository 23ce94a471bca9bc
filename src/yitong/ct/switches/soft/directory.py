"""The published configuration that a switch needs, in memory: numbers, trunks, accounts, pages' credentials.

Fed with the entries of the KV buckets ``config`` (``{tenant}.{kind}.{id}``) and ``credentials`` (``{tenant}.page.{id}``), first all,
then each change; so calls are taken with PostgreSQL and even NATS away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
import structlog

from yitong.ct.model import DeviceKind
from yitong.ct.numbering import NumberClass, Rules, may_call, rules_with
from yitong.ct.switches.soft import links
from yitong.ct.switches.soft.encryption import Speech
from yitong.ct.switches.soft.incoming import Incoming, NumberRecord
from yitong.ct.switches.soft.trunk_record import TrunkRecord
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.sip.digest import Account

DEFAULT_REALM = "yitong"
MUSIC = "music"
"""The code of the prompt that is heard while a phone holds by itself."""
_log = structlog.get_logger("yitong.switch.directory")
R = TypeVar("R", bound=msgspec.Struct)


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: ``code`` is the first label of its telephones' domain."""

    code: str
    country: str = "CN"


class NumberClassRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The patterns of a class of numbers, in place of the country's."""

    code: NumberClass
    patterns: list[str] = []


class PromptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A sound file below the prompts' folder."""

    code: str
    language: str = ""
    file: str


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A desk phone's account."""

    username: str
    realm: str = DEFAULT_REALM
    ha1_md5: str = ""
    ha1_sha256: str = ""
    agent: str | None = None
    kind: str = "phone"
    site: str | None = None
    extension: str | None = None
    srtp: Speech = Speech.OFF


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An agent, as far as the page's device is named after the extension. ``may_call``: the classes of outside numbers."""

    extension: str | None = None
    site: str | None = None
    may_call: list[str] = []


class CredentialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A page's short-lived credential. ``number``: the only one that a guest may call. ``issued_at`` (the
    newest page of an agent has the device) and ``expires_at``: UTC microseconds."""

    username: str
    realm: str = DEFAULT_REALM
    ha1_md5: str = ""
    ha1_sha256: str = ""
    agent: str | None = None
    kind: str = "page"
    number: str | None = None
    site: str | None = None
    extension: str | None = None
    issued_at: int = 0
    expires_at: int = 0


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who authenticated: an account or a credential with its device."""

    tenant: str
    site: str
    username: str
    kind: DeviceKind
    device: str
    extension: str
    agent: str = ""
    number: str = ""
    expires_at: int = 0
    digest: Account
    speech: Speech = Speech.OFF


_KINDS: dict[str, type[msgspec.Struct]] = {
    "number": NumberRecord, "trunk": TrunkRecord, "account": AccountRecord, "agent": AgentRecord, "page": CredentialRecord,
    "tenant": TenantRecord, "prompt": PromptRecord, "number_class": NumberClassRecord,
}  # fmt: skip


class Directory:
    """Look-ups over the published configuration. ``on_change`` is told the kind and the tenant of every change."""

    def __init__(
        self, resolve: Callable[[str], str] = lambda host: host, open_password: Callable[[str, str], str] = lambda tenant, kept: kept
    ) -> None:  # fmt: skip
        """``resolve``: the address of a trunk's host, empty while it is not known. ``open_password``: a trunk's password as it was before
        it was sealed, by tenant; raises KeyMissing, Damaged."""
        self.on_change: Callable[[str, str], None] = lambda kind, tenant: None
        self._open_password = open_password
        self.partitions: set[tuple[str, str]] = set()
        self._resolve = resolve
        self._links: dict[str, TrunkRecord] = {}
        self._records: dict[str, dict[tuple[str, str], msgspec.Struct]] = {kind: {} for kind in _KINDS}
        self._identities: dict[tuple[str, str], Identity] = {}
        self._names: set[tuple[str, str]] = set()
        self._devices: dict[str, Identity] = {}
        self._realms: dict[str, str] = {}
        self._tenants: dict[str, str] = {}
        self._next_expiry = 0
        self._incoming = Incoming(resolve)
        self._indexed = False
        self._rules: dict[str, Rules] = {}

    @property
    def configured(self) -> bool:
        """There is a number that can be called."""
        return bool(self._records["number"])

    def put(self, key: str, value: bytes | None) -> None:
        """Take an entry of a bucket (None: deleted). One that cannot be read is logged and left out."""
        parts = key.split(".", 2)
        if len(parts) != 3:
            return
        tenant, kind, name = parts
        if kind == "site":
            self._put_site(tenant, name, value)
        records = self._records.get(kind)
        if records is None:
            return
        try:
            record = None if value is None else msgspec.json.decode(value, type=_KINDS[kind])
        except msgspec.MsgspecError as error:
            _log.error("configuration cannot be read", kind=kind, id=name, error=str(error))
            return
        if record is None or (isinstance(record, PromptRecord) and record.code != MUSIC):
            records.pop((tenant, name), None)
        else:
            records[tenant, name] = record
        if kind in ("tenant", "account", "agent", "page", "trunk"):
            self._index_identities()
        if kind in ("number", "trunk"):
            self.moved()
        if kind in ("tenant", "number_class"):
            self._rules.pop(tenant, None)
        self.on_change(kind, tenant)

    def _put_site(self, tenant: str, site: str, value: bytes | None) -> None:
        if value is None:
            self.partitions.discard((tenant, site))
        else:
            self.partitions.add((tenant, site))
        self.on_change("site", tenant)

    def _all(self, kind: type[R]) -> list[tuple[str, str, R]]:
        name = next(one for one, record in _KINDS.items() if record is kind)
        return [(tenant, key, record) for (tenant, key), record in self._records[name].items() if isinstance(record, kind)]

    # --- who ---

    def identity(self, realm: str, username: str) -> Identity | None:
        """Who has this user name in a realm."""
        return self._identities.get((realm, username))

    def known(self, tenant: str, username: str) -> bool:
        """Whether a tenant has an account or credential of this user name."""
        return (tenant, username) in self._names

    def has_realm(self, realm: str) -> bool:
        """Whether anybody of ours authenticates in this realm."""
        return realm in self._realms.values() or any(one == realm for one, _ in self._identities)

    def realm_for(self, hosts: Iterable[str]) -> str:
        """The realm that is challenged when these hosts are asked for: of the tenant whose code is such a host or its first label, else
        of the first tenant."""
        for host in hosts:
            label = host.partition(".")[0]
            tenant = self._tenants.get(host) or (None if host.replace(".", "").isdigit() else self._tenants.get(label))
            if tenant is not None:
                return self._realms[tenant]
        return self._realms[min(self._realms)] if self._realms else DEFAULT_REALM

    def device(self, device: str) -> Identity | None:
        """The newest identity of a device."""
        return self._devices.get(device)

    def devices(self) -> list[Identity]:
        """Every device that may register, once."""
        return list(self._devices.values())

    def link(self, device: str) -> TrunkRecord | None:
        """A link to another site, by its device."""
        return self._links.get(device)

    def comes_from(self, record: TrunkRecord, host: str) -> bool:
        """Whether a trunk calls us from an address."""
        return links.comes_from(record, host, self._resolve)

    def is_distant(self, tenant: str, number: str) -> bool:
        """Whether a number is one of another site of ours."""
        return any(record.reaches(number) for device, record in self._links.items() if device.startswith(f"{tenant}/"))

    def site_of(self, tenant: str, extension: str) -> str:
        """The site of somebody's devices; empty for an extension that nobody has."""
        return next((one.site for one in self._devices.values() if (one.tenant, one.extension) == (tenant, extension)), "")

    def extension(self, tenant: str, number: str) -> str:
        """The devices' extension that an internal number stands for, or empty."""
        return number if any(one.extension == number for one in self._devices.values() if one.tenant == tenant) else ""

    @property
    def next_expiry(self) -> int:
        """When the next credential runs out (UTC microseconds); 0: none does."""
        return self._next_expiry

    def drop_expired(self, now: int) -> bool:
        """Forget credentials that ran out, though their deletion has not come; whether there were any. ``now``: UTC microseconds."""
        if not 0 < self._next_expiry <= now:
            return False
        pages = self._records["page"]
        for key in [key for key, one in pages.items() if isinstance(one, CredentialRecord) and 0 < one.expires_at <= now]:
            del pages[key]
        self._index_identities()
        return True

    def _index_identities(self) -> None:
        agents = {key: record for _, key, record in self._all(AgentRecord)}
        self._identities.clear()
        self._names.clear()
        self._devices.clear()
        self._index_realms()
        self._index_links()
        for tenant, _, account in sorted(self._all(AccountRecord), key=lambda entry: entry[:2]):
            extension = account.extension or account.username
            self._add(tenant, account, DeviceKind.PHONE, extension, account.site or "", "", 0)
        pages = sorted(self._all(CredentialRecord), key=lambda entry: entry[2].issued_at)
        self._next_expiry = min((page.expires_at for _, _, page in pages if page.expires_at), default=0)
        for tenant, _, page in pages:
            agent = agents.get(page.agent or "", AgentRecord())
            extension, site = page.extension or agent.extension or "", page.site or agent.site or ""
            self._add(tenant, page, DeviceKind(page.kind), extension, site, page.number or "", page.expires_at)

    def _index_links(self) -> None:
        """Links prove themselves in their tenant's realm."""
        self._links = {f"{owner}/trunk/{one.code}": one for owner, _, one in self._all(TrunkRecord) if one.link and one.enabled}
        for device, record in self._links.items():
            tenant, realm = device.partition("/")[0], self._realms.get(device.partition("/")[0], DEFAULT_REALM)
            try:
                password = self._open_password(tenant, record.password)
            except (KeyMissing, Damaged, OSError) as error:
                _log.error("a link's password cannot be opened: it is not let in", trunk=device, reason=str(error))
                continue
            if not (password and links.name_of(record)):
                continue
            self._identities[realm, links.name_of(record)] = Identity(
                tenant=tenant, site=record.site or "", username=links.name_of(record), kind=DeviceKind.TRUNK, device=device, extension="",
                digest=links.account(record, realm, password),
            )  # fmt: skip

    def _index_realms(self) -> None:
        """Each tenant's realm: what most of its accounts say, else its code, else what its pages say."""
        codes = [(tenant, record.code) for tenant, _, record in self._all(TenantRecord)]
        said: dict[str, Counter[str]] = {}
        for tenant, _, account in self._all(AccountRecord):
            said.setdefault(tenant, Counter())[account.realm] += 1
        self._tenants = {code: tenant for tenant, code in codes}
        self._realms = {tenant: page.realm for tenant, _, page in self._all(CredentialRecord)} | dict(codes)
        self._realms |= {tenant: min(realms, key=lambda realm: (-said[tenant][realm], realm)) for tenant, realms in said.items()}

    def _add(
        self,
        tenant: str,
        record: AccountRecord | CredentialRecord,
        kind: DeviceKind,
        extension: str,
        site: str,
        number: str,
        expires_at: int,
    ) -> None:
        name = record.username if kind is DeviceKind.GUEST else extension or record.username
        one = Identity(
            tenant=tenant, site=site, username=record.username, kind=kind, device=f"{tenant}/{kind.value}/{name}", extension=extension,
            agent=record.agent or "", number=number, expires_at=expires_at,
            digest=Account(record.username, record.ha1_md5, record.ha1_sha256),
            speech=record.srtp if isinstance(record, AccountRecord) else Speech.OFF,
        )  # fmt: skip
        other = self._identities.setdefault((record.realm, record.username), one)
        if other.tenant != tenant:
            _log.error("user name taken in this realm", realm=record.realm, username=record.username, tenant=tenant)
            return
        self._identities[record.realm, record.username] = one
        self._names.add((tenant, record.username))
        if kind is not DeviceKind.GUEST:
            self._devices[one.device] = one

    # --- where ---

    def moved(self) -> None:
        """Numbers or trunks changed, or the address of a trunk's host."""
        self._indexed = False

    def _index(self) -> Incoming:
        if not self._indexed:
            self._incoming.build(self._all(NumberRecord), self._all(TrunkRecord))
            self._indexed = True
        return self._incoming

    def number(self, number: str, tenant: str = "") -> tuple[str, NumberRecord] | None:
        """The tenant and record of a number in the flow table."""
        return self._index().number(number, tenant)

    def trunk(self, address: str, number: str, meant: str = "") -> tuple[str, TrunkRecord, NumberRecord] | None:
        """The trunk by which a call from ``address`` to ``number`` comes: both must fit. ``meant``: the number in To."""
        return self._index().trunk(address, number, meant)

    def trunks(self) -> list[tuple[str, str, TrunkRecord]]:
        """Every trunk with its tenant and id."""
        return self._all(TrunkRecord)

    def rules(self, tenant: str) -> Rules:
        """The classes of numbers that a tenant distinguishes."""
        if tenant not in self._rules:
            country = next((record.country for owner, _, record in self._all(TenantRecord) if owner == tenant), "")
            own = {record.code: record.patterns for owner, _, record in self._all(NumberClassRecord) if owner == tenant}
            self._rules[tenant] = rules_with(country, own)
        return self._rules[tenant]

    def may_call(self, who: Identity, number: str) -> bool:
        """Whether the agent of a device may call an outside number; a device of nobody may call emergency numbers alone."""
        agent = self._records["agent"].get((who.tenant, who.agent))
        return may_call(number, agent.may_call if isinstance(agent, AgentRecord) else (), self.rules(who.tenant))

    def music(self, tenant: str) -> str:
        """The file of a tenant's music, else of the first tenant's that has one; empty when nobody has."""
        files = sorted((owner != tenant, owner, record.language, record.file) for owner, _, record in self._all(PromptRecord))
        return files[0][3] if files else ""
