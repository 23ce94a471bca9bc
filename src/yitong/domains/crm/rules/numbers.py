"""One form for a telephone number, so that a customer is found however it was written."""

from __future__ import annotations

import re

import phonenumbers

_WRITTEN = re.compile(r"[0-9+() .-]{3,40}", re.ASCII)


def e164(number: str, country: str) -> str:
    """``number`` as written in ``country`` (ISO 3166-1), as E.164; "" when it is not a telephone number (an extension, a SIP name)."""
    if not _WRITTEN.fullmatch(number):
        return ""
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:  # not "only within a town"
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
