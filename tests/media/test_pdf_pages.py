"""PDFs as fax pages: drawn in a process of their own, or refused."""

from __future__ import annotations

import io

import pytest

from yitong.media import fax_page, pdf_pages
from yitong.media.fax_page import FaxPageError

LOCKED = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"4 0 obj<</Filter/Standard/V 1/R 2/Length 40/P -4/O<" + b"4f" * 32 + b">/U<" + b"55" * 32 + b">>>endobj\n"
    b"trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]/Size 5>>\n%%EOF\n"
)
"""Encrypted; no password of ours opens it."""


def pdf(pages: int = 1, *, lying: bool = False) -> bytes:
    """Pages of text, standing, or lying on their sides."""
    made = [
        page.convert("L").rotate(90 if lying else 0, expand=True) for page in fax_page.from_text("\f".join(["煤气资费表"] * pages), "资费")
    ]
    out = io.BytesIO()
    made[0].save(out, "PDF", save_all=True, append_images=made[1:], resolution=200)
    return out.getvalue()


def test_each_page_is_drawn_as_a_page_of_a_fax_and_a_lying_one_stands_up() -> None:
    for lying in (False, True):
        (page,) = pdf_pages.drawn(pdf(lying=lying))
        assert (page.size, page.mode) == ((fax_page.WIDTH, fax_page.HEIGHT), "1")
        ink = page.convert("L").point(lambda value: 255 - value).getbbox()
        assert ink is not None
        assert ink[2] - ink[0] < fax_page.WIDTH < 2 * (ink[3] - ink[1]), (lying, ink)


def test_the_other_process_draws_what_is_whole_and_says_what_is_wrong_with_the_rest() -> None:
    assert len(pdf_pages.from_pdf(pdf(2))) == 2
    for given, seconds, code in (
        (b"%PDF-1.7 and nothing more", 60.0, "pdf_broken"),
        (LOCKED, 60.0, "pdf_locked"),
        (pdf(), 0.001, "pdf_slow"),
    ):
        with pytest.raises(FaxPageError) as refused:
            pdf_pages.from_pdf(given, seconds)
        assert refused.value.code == code


def test_too_many_pages_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fax_page, "MOST_PAGES", 1)
    with pytest.raises(FaxPageError) as refused:
        pdf_pages.drawn(pdf(2))
    assert refused.value.code == "too_many_pages"
