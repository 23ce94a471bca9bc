"""G.711 against its own definition and reference values."""

from __future__ import annotations

import numpy as np
import pytest

from yitong.media import g711

ULAW, ALAW = np.array([0], dtype=np.uint8), np.array([1], dtype=np.uint8)


@pytest.mark.parametrize(
    ("code", "sample"),
    [(0xFF, 0), (0x7F, 0), (0x80, 32124), (0x00, -32124), (0xFE, 8), (0x7E, -8), (0xF0, 120), (0xEF, 132), (0x8F, 16764), (0x90, 15996)],
)
def test_mu_law_values_of_the_standard(code: int, sample: int) -> None:
    assert g711.DECODE[code] == sample


@pytest.mark.parametrize(
    ("code", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0xD4, 24), (0xC5, 264), (0xF5, 528), (0x80, 5504)]
)
def test_a_law_values_of_the_standard(code: int, sample: int) -> None:
    assert g711.DECODE[256 + code] == sample


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_what_is_decoded_is_encoded_to_the_same(law: np.typing.NDArray[np.uint8]) -> None:
    codes = np.arange(256, dtype=np.uint8)[None]
    again = g711.decode(g711.encode(g711.decode(codes, law), law), law)
    assert (again == g711.decode(codes, law)).all()


@pytest.mark.parametrize(("law", "small"), [(ULAW, 8), (ALAW, 16)])
def test_every_sample_goes_to_a_nearest_step(law: np.typing.NDArray[np.uint8], small: int) -> None:
    """The error never exceeds half a step: 1/32 of the sample in a segment, ``small`` near zero."""
    samples = np.arange(-32000, 32001, dtype=np.int32)
    again = g711.decode(g711.encode(samples.astype(np.int16)[None], law), law)[0].astype(np.int32)
    assert (np.abs(again - samples) <= np.abs(samples) / 32 + small).all()
    assert (np.diff(again) >= 0).all()


def test_rows_of_both_laws_are_coded_together() -> None:
    samples = np.array([[1000, -1000], [1000, -1000]], dtype=np.int16)
    octets = g711.encode(samples, np.array([0, 1], dtype=np.uint8))
    assert octets.tolist() == [[0xCE, 0x4E], [0xFA, 0x7A]]


def test_another_law_is_refused() -> None:
    with pytest.raises(ValueError, match="no such law"):
        g711.law_index(3)
