"""Where a number is from. Its tables take seconds to load and 100 MB, so only the worker imports this, beside its work."""

from __future__ import annotations

import phonenumbers
from phonenumbers import geocoder


def region_of(number: str, language: str) -> str:
    """Where an E.164 number is from, as far as its digits tell ("北京市"); "" when they do not."""
    try:
        return str(geocoder.description_for_number(phonenumbers.parse(number), language.partition("-")[0]))
    except phonenumbers.NumberParseException:
        return ""
