"""Decisions about customers and their numbers."""

from yitong.domains.crm.rules.numbers import e164

__all__ = ["e164"]
