"""Which trunk a call from outside comes by, and which number of ours it means: found by the number, not by walking all trunks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

import msgspec

from yitong.ct.switches.soft.trunk_record import TrunkRecord
from yitong.sip.uri import as_number

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NumberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A number of ours that leads to a flow. ``trunk``: id (or code) of the only trunk that carries it."""

    number: str
    trunk: str | None = None
    site: str | None = None
    web: bool = False


class Source(msgspec.Struct, frozen=True):
    """A trunk that calls us. ``names``: its id and code."""

    tenant: str
    names: frozenset[str]
    record: TrunkRecord

    def carries(self, number: NumberRecord) -> bool:
        """Whether the number may be called by this trunk."""
        return (not self.record.numbers or number.number in self.record.numbers) and (not number.trunk or number.trunk in self.names)


class Incoming:
    """An index over numbers and trunks. ``resolve`` gives the address of a host's name, or nothing while it is not known."""

    def __init__(self, resolve: Callable[[str], str] = lambda host: host) -> None:
        self._resolve = resolve
        self._numbers: dict[str, list[tuple[str, NumberRecord]]] = {}
        self._networks: dict[tuple[int, int], dict[int, list[Source]]] = {}
        """By version and length of the prefix, then by the prefix: an address is looked up once a length."""

    def build(self, numbers: Iterable[tuple[str, str, NumberRecord]], trunks: Iterable[tuple[str, str, TrunkRecord]]) -> None:
        """Take the whole configuration: tenant, id and record of each."""
        self._numbers, self._networks = {}, {}
        for tenant, _, number in numbers:
            self._numbers.setdefault(number.number, []).append((tenant, number))
        for tenant, name, trunk in trunks:
            if trunk.enabled and not trunk.link:  # a link is known by what it proves, not by its address alone
                self._add(tenant, name, trunk)

    def _add(self, tenant: str, name: str, trunk: TrunkRecord) -> None:
        texts = trunk.addresses or ([self._resolve(trunk.host)] if trunk.host else [])
        source = Source(tenant, frozenset((name, trunk.code)), trunk)
        for network in {network for text in texts if (network := _network(text)) is not None}:
            prefixes = self._networks.setdefault((network.version, network.prefixlen), {})
            prefixes.setdefault(_prefix(int(network.network_address), network.max_prefixlen, network.prefixlen), []).append(source)

    def number(self, number: str, tenant: str = "") -> tuple[str, NumberRecord] | None:
        """The tenant and record of a number of ours."""
        return next((found for found in self._numbers.get(number, ()) if tenant in ("", found[0])), None)

    def trunk(self, address: str, number: str, meant: str = "") -> tuple[str, TrunkRecord, NumberRecord] | None:
        """The trunk by which a call from ``address`` to ``number`` comes: both must fit. Tenant, trunk, number.

        ``meant``: what To says; an operator calls a line that registered by its own user name and names the number only there.
        """
        if number not in self._numbers and meant not in self._numbers:
            return None
        try:
            source = ipaddress.ip_address(address)
        except ValueError:
            return None
        for one in self._of(source):
            called = meant if one.record.username and number == as_number(one.record.username) else number
            for tenant, record in self._numbers.get(called, ()):
                if tenant == one.tenant and one.carries(record):
                    return tenant, one.record, record
        return None

    def _of(self, address: Address) -> Iterable[Source]:
        """The trunks that call from an address, those with the narrowest network first."""
        number, bits = int(address), address.max_prefixlen
        for version, length in sorted(self._networks, reverse=True):
            if version == address.version:
                yield from self._networks[version, length].get(_prefix(number, bits, length), ())


def _prefix(number: int, bits: int, length: int) -> int:
    """The first ``length`` of the ``bits`` of an address."""
    return number >> (bits - length)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
