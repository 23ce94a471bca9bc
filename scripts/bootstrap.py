"""Makes the virtual environment with uv in it, also where Debian left out ``ensurepip``. Needs nothing but Python."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

UV = "uv~=0.13.9"
PIP = "25.3"


def main(folder: Path) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for those who have an older one
        sys.exit(f"Yitong needs Python 3.11 or newer; this is {sys.version.split()[0]}. Set PYTHON=python3.11 or later.")
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"Making {folder} ...", flush=True)
        venv.EnvBuilder(symlinks=True, with_pip=importlib.util.find_spec("ensurepip") is not None).create(folder)
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        install = [str(python), "-m", "pip"]
    else:
        install = [str(python), str(fetch_pip(Path(tempfile.mkdtemp())) / "pip")]
    subprocess.run([*install, "install", "--quiet", "--disable-pip-version-check", UV], check=True)


def fetch_pip(folder: Path) -> Path:
    """The wheel of pip, checked against the index's digest (PEP 503); a wheel can be run as it is. Returns its path."""
    page = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    name = f"pip-{PIP}-py3-none-any.whl"
    with urllib.request.urlopen(page, timeout=60) as answer:
        found = re.search(rf'href="([^"]*{re.escape(name)}[^"]*)#sha256=([0-9a-f]{{64}})"', answer.read().decode())
    if found is None:
        sys.exit(f"{page} has no {name}.")
    with urllib.request.urlopen(urllib.parse.urljoin(page, found[1]), timeout=120) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != found[2]:
        sys.exit("The downloaded pip is not the one that the index names.")
    path = folder / name
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
