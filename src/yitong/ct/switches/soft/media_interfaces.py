"""The machine's addresses that a browser may try."""

from __future__ import annotations

import ipaddress

import ifaddr


def interface_addresses() -> tuple[str, ...]:
    """Every IPv4 address of every interface, loopback last, link-local never."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            if isinstance(one.ip, str) and not ipaddress.ip_address(one.ip).is_link_local and one.ip not in found:
                found.append(one.ip)
    return tuple(sorted(found, key=lambda address: ipaddress.ip_address(address).is_loopback))
