"""Text and pictures as fax pages (TTF, text to TIFF): A4 in fine resolution, 1,728 points by 204 x 196 dots an inch, T.6.

The text is set by Pillow with a font that has Chinese; Debian's ``fonts-noto-cjk`` is the one that is looked for. A line that is too long
is broken between Chinese characters or words; a form feed begins a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1_728, 2_292
"""A4 at 204 x 196 dots an inch."""
DOTS = (204, 196)
MOST_PAGES = 200
_MARGIN_X, _MARGIN_Y = 120, 130
_SIZE = 44
_LINE = 1.45
_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)  # fmt: skip
_SIMPLIFIED = 2
"""The place of the Chinese face in Noto's collection."""
_NEVER_FIRST = frozenset("，。、；：？！）》」』】”’%,.;:?!)")
_INCH_MM = 25.4

Font = ImageFont.FreeTypeFont


class FaxPageError(ValueError):
    """``code``: no_font, too_many_pages, no_picture."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def font(size: int = _SIZE, paths: tuple[str, ...] = _FONTS) -> Font:
    """The first font that is there. Raises ``FaxPageError`` (no_font)."""
    for path in paths:
        if Path(path).exists():
            return ImageFont.truetype(path, size, index=_SIMPLIFIED if path.endswith("NotoSansCJK-Regular.ttc") else 0)
    raise FaxPageError("no_font")


def from_text(text: str, title: str = "", face: Font | None = None) -> list[Image.Image]:
    """The pages of a text, each with its number and ``title`` at the foot. Raises ``FaxPageError``."""
    face = face or font()
    step = round(_SIZE * _LINE)
    per_page = (HEIGHT - 2 * _MARGIN_Y - step) // step
    chunks: list[list[str]] = []
    for part in text.replace("\r\n", "\n").replace("\r", "\n").split("\f"):
        lines = [line for paragraph in part.rstrip("\n").split("\n") for line in wrap(paragraph, face, WIDTH - 2 * _MARGIN_X)]
        chunks += [lines[start : start + per_page] for start in range(0, max(1, len(lines)), per_page)]
        if len(chunks) > MOST_PAGES:
            raise FaxPageError("too_many_pages")
    return [_page(lines, f"{title}  {number}/{len(chunks)}".strip(), face, step) for number, lines in enumerate(chunks, 1)]


def wrap(paragraph: str, face: Font, width: int) -> list[str]:
    """Lines of at most ``width`` points; punctuation does not begin a line, words of letters are not cut unless one alone is too long."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(paragraph.expandtabs(4)):
        if line and face.getlength(line + piece.rstrip()) > width and piece not in _NEVER_FIRST:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
        while face.getlength(line.rstrip()) > width + _SIZE and len(line) > 1:
            cut = _fitting(line, face, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()]


def _fitting(line: str, face: Font, width: int) -> int:
    """How many characters of a line fit; at least one."""
    low, high = 1, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if face.getlength(line[:middle]) <= width else (low, middle - 1)
    return low


def _pieces(text: str) -> list[str]:
    """Where a line may be broken: around each wide character, and after spaces."""
    out: list[str] = []
    word = ""
    for one in text:
        if ord(one) >= 0x2E80:
            out += [word, one] if word else [one]
            word = ""
        elif one == " ":
            out.append(word + one)
            word = ""
        else:
            word += one
    return [*out, word] if word else out


def _page(lines: list[str], foot: str, face: Font, step: int) -> Image.Image:
    page = Image.new("1", (WIDTH, HEIGHT), 1)
    draw = ImageDraw.Draw(page)
    draw.fontmode = "1"
    for number, line in enumerate(lines):
        draw.text((_MARGIN_X, _MARGIN_Y + number * step), line, font=face, fill=0)
    draw.text((WIDTH // 2, HEIGHT - _MARGIN_Y // 2), foot, font=face, fill=0, anchor="mb")
    return page


def from_picture(path: Path | BinaryIO) -> list[Image.Image]:
    """The pages of a picture file (TIFF, PNG, JPEG ...): a fax stays as it is, everything else is fitted to A4 and made black and white.

    Raises ``FaxPageError`` (no_picture, too_many_pages).
    """
    pages: list[Image.Image] = []
    try:
        with Image.open(path) as picture:
            count = getattr(picture, "n_frames", 1)
            if count > MOST_PAGES:
                raise FaxPageError("too_many_pages")
            for number in range(count):
                picture.seek(number)
                pages.append(fitted(picture))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise error if isinstance(error, FaxPageError) else FaxPageError("no_picture") from error
    return pages


def fitted(picture: Image.Image) -> Image.Image:
    """A picture (its ``info`` may tell its dpi) as an A4 page in black and white; a fax stays as it is."""
    if picture.mode == "1" and picture.width == WIDTH and _is_fine(picture):
        return picture.copy()
    across, down = (float(value) or 1.0 for value in picture.info.get("dpi", (1.0, 1.0)))
    flat = picture.convert("RGBA")
    paper = Image.new("RGBA", flat.size, "white")
    grey = Image.alpha_composite(paper, flat).convert("L")
    inches = picture.width / across, picture.height / down
    scale = min(WIDTH / DOTS[0] / inches[0], HEIGHT / DOTS[1] / inches[1])
    size = max(1, round(inches[0] * scale * DOTS[0])), max(1, round(inches[1] * scale * DOTS[1]))
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    page.paste(grey.resize((min(size[0], WIDTH), min(size[1], HEIGHT)), Image.Resampling.LANCZOS), (0, 0))
    return page.convert("1")


def _is_fine(picture: Image.Image) -> bool:
    down = float(picture.info.get("dpi", (0, 0))[1])
    return abs(down - DOTS[1]) < 2 or abs(down - 7_700 / 1_000 * _INCH_MM) < 2


def save(pages: list[Image.Image], path: Path | BinaryIO) -> None:
    """Write pages as TIFF class F. Raises OSError."""
    first, *rest = pages
    first.save(path, format="TIFF", save_all=True, append_images=rest, compression="group4", dpi=DOTS)
