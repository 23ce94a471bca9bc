"""Links: trunks to other sites of ours, installations of their own (docs/decisions/0039).

A link proves itself like a telephone, by digest, and comes from where its trunk says; only then is what it tells about a call believed.
It reaches the people and the numbers of this site and nothing else. What it carries besides the call goes nowhere but over a link.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from yitong.ct.switches.soft.trunk_record import TrunkRecord
from yitong.sip import user_to_user
from yitong.sip.digest import Account, ha1
from yitong.sip.message import Header, Request

PURPOSE = "yitong-site"
"""Of what a link carries in User-to-User."""


def name_of(record: TrunkRecord) -> str:
    """As whom a link authenticates, on both of its sides."""
    return record.auth_user or record.username


def account(record: TrunkRecord, realm: str, password: str) -> Account:
    """What a link proves itself with."""
    name = name_of(record)
    return Account(name, ha1("MD5", name, realm, password), ha1("SHA-256", name, realm, password))


def comes_from(record: TrunkRecord, host: str, resolve: Callable[[str], str]) -> bool:
    """Whether ``host`` is where the trunk says that it calls from: its addresses, else its host's."""
    texts = record.addresses or [resolve(record.host)]
    try:
        address = ipaddress.ip_address(host)
        return any(address in ipaddress.ip_network(text, strict=False) for text in texts if text)
    except ValueError:
        return False


def tells(record: TrunkRecord, data: str) -> list[Header]:
    """What goes with a call over a trunk: something by a link alone."""
    return [user_to_user.told(data, PURPOSE)] if record.link and data else []


def told(request: Request) -> str:
    """What came with a call over a link."""
    return user_to_user.heard(request, PURPOSE)
