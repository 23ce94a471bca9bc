"""Makes the virtual environment with uv in it, also where Debian left out ``ensurepip``. Needs nothing but Python.

    python3 scripts/bootstrap.py FOLDER [--better]

With ``--better`` the distribution's Python of the same version is taken where this one was built without a profile of what it does (as by
pyenv, unless told): it needs a third less CPU.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
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


def better() -> str | None:
    """The path of the distribution's Python, when it is of our version and ours was built without a profile."""
    if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""):
        return None
    path = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return path if os.access(path, os.X_OK) and not os.path.samefile(path, sys.executable) else None


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
    if "--better" in sys.argv and (other := better()) is not None:
        print(f"Taking {other}, which is quicker than {sys.executable} (PYTHON=... takes another).", flush=True)
        os.execv(other, [other, *sys.argv[:2]])
    main(Path(sys.argv[1]))
