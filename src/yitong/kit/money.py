"""Money: an exact decimal with its currency (ISO 4217). Never a float, never a bare number."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

_WITHOUT_MINOR_UNIT = frozenset({"JPY", "KRW", "VND"})


class CurrencyMismatch(ArithmeticError):
    """Two currencies in one sum."""


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount in one currency; sums of different currencies are refused."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code")
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise ValueError(f"{self.amount!r} is not an exact amount")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, times: int | Decimal) -> Money:
        return Money(self.amount * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def rounded(self) -> Money:
        """To the currency's smallest unit, halves to the even one."""
        unit = Decimal(1) if self.currency in _WITHOUT_MINOR_UNIT else Decimal("0.01")
        return Money(self.amount.quantize(unit, rounding=ROUND_HALF_EVEN), self.currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.amount
