"""A PDF as fax pages. The file comes from anywhere, so it is drawn in a process of its own: ``python -m yitong.media.pdf_pages``.

The PDF is read from standard input, a TIFF of pages written to standard output; nothing is on disk. What a hostile or broken file does
to the process (a crash, memory, endless work) ends with it: ``from_pdf`` tells that it cannot be read.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys

from PIL import Image

from yitong.media import fax_page
from yitong.media.fax_page import FaxPageError

BEGINNING = b"%PDF-"
SECONDS = 60
_MEMORY = 2 * 1024**3
_POINTS_PER_INCH = 72.0
_LONGEST = 3_000
"""Of a page's sides when it is drawn: A4 at the resolution of a fax has 1,728 by some 2,450 square points."""
_PASSWORD = 4
"""FPDF_ERR_PASSWORD of PDFium."""
_CODES = {10: "pdf_locked", 11: "pdf_broken", 12: "too_many_pages"}


def from_pdf(data: bytes, seconds: float = SECONDS) -> list[Image.Image]:
    """The pages of a PDF. Raises ``FaxPageError`` (pdf_locked, pdf_broken, pdf_slow, too_many_pages)."""
    command = [sys.executable, "-m", "yitong.media.pdf_pages"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise FaxPageError("pdf_slow") from error
    if done.returncode:
        raise FaxPageError(_CODES.get(done.returncode, "pdf_broken"))
    return fax_page.from_picture(io.BytesIO(done.stdout))


def drawn(data: bytes) -> list[Image.Image]:
    """The pages, drawn here. Raises ``FaxPageError`` (pdf_locked, pdf_broken, too_many_pages)."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
        if count > fax_page.MOST_PAGES:
            raise FaxPageError("too_many_pages")
        document.init_forms()
        pages = [_drawn(document[number]) for number in range(count)]
    except pypdfium2.PdfiumError as error:
        raise FaxPageError("pdf_locked" if error.err_code == _PASSWORD else "pdf_broken") from error
    if not pages:
        raise FaxPageError("pdf_broken")
    return pages


def _drawn(page: object) -> Image.Image:
    """A landscape page is turned, so that it is as large as it can be."""
    across, down = page.get_size()  # type: ignore[attr-defined]  # pypdfium2 has no types of its own
    turned = across > down
    if turned:
        across, down = down, across
    scale = min(fax_page.WIDTH / max(across, 1.0), _LONGEST / max(down, 1.0))
    bitmap = page.render(scale=scale, rotation=90 if turned else 0, grayscale=True)  # type: ignore[attr-defined]
    picture = bitmap.to_pil()
    picture.info["dpi"] = (scale * _POINTS_PER_INCH, scale * _POINTS_PER_INCH)
    return fax_page.fitted(picture)


def main() -> int:
    """Draw standard input; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        pages = drawn(sys.stdin.buffer.read())
    except FaxPageError as error:
        return next(number for number, code in _CODES.items() if code == error.code)
    out = io.BytesIO()
    fax_page.save(pages, out)
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
