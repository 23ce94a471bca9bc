"""The answering half of ICE (RFC 8445 §2.5, RFC 8489): connectivity checks in, responses out."""

from __future__ import annotations

from typing import NamedTuple

from aioice import stun

_ROLE_CONFLICT = (487, "Role Conflict")


class Answer(NamedTuple):
    """What to send back. ``proven``: the check knew our password; ``nominated``: it chose this path (USE-CANDIDATE)."""

    data: bytes
    proven: bool
    nominated: bool


def answer(data: bytes, source: tuple[str, int], ufrag: str, password: str) -> Answer | None:
    """The answer to a STUN datagram; None for anything but a binding request with our user name and password (it stays unanswered)."""
    try:
        request = stun.parse_message(data)
        proven = request.check_message_integrity(password.encode())
    except (ValueError, KeyError, IndexError, UnicodeError, AttributeError, OverflowError):
        return None
    if request.message_method != stun.Method.BINDING or request.message_class != stun.Class.REQUEST:
        return None
    name = request.attributes.get("USERNAME", "")
    if not proven or name.split(":", 1)[0] != ufrag:
        return None
    conflict = "ICE-CONTROLLED" in request.attributes
    kind = stun.Class.ERROR if conflict else stun.Class.RESPONSE
    response = stun.Message(stun.Method.BINDING, kind, transaction_id=request.transaction_id)
    if conflict:
        response.attributes["ERROR-CODE"] = _ROLE_CONFLICT
    else:
        response.attributes["XOR-MAPPED-ADDRESS"] = source
    response.add_message_integrity(password.encode())
    return Answer(bytes(response), not conflict, "USE-CANDIDATE" in request.attributes)
