"""Writes ``docs/reliability.md``: each case with the tests that try it and the figures that the last runs reached.

The tests name their cases (``pytest.mark.case``); figures are noted by the tests in ``build/figures.jsonl``, one JSON object a line. A
figure that is not in that file keeps what the page said before, so that a part of the tests can be run alone.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
FIGURES = ROOT / "build" / "figures.jsonl"
PASSED = ROOT / "build" / "cases.json"
NONE = "—"
CASES = {  # all that this release owes, so that one without a test is named
    "P1": "60 forms of RFC 4475 and 5118", "P2": "200 tricky forms of our own", "P3": "100,000 mutated datagrams, 5,000 streams over TCP",
    "P4": "very large messages", "P5": "answers copy what they must", "P6": "odd bytes in names",
    "P7": "TCP in pieces, in heaps, without end",
    "X1": "30 copies of one INVITE", "X2": "requests and answers of no dialog", "X3": "CANCEL crosses 200", "X4": "200 or ACK lost",
    "X5": "a telephone vanishes in a call", "X6": "two re-INVITEs at once", "X7": "a network that loses, doubles and reorders",
    "X8": "several answers to one call", "X9": "a call comes back to its own number",
    "X10": "answers with and without rport, behind a proxy",
    "R1": "60 wrong passwords from one address", "R2": "slow guessing from many addresses",
    "R3": "existing and unknown user look the same", "R4": "calls of strangers",
    "R5": "registering for somebody else", "R6": "replayed and made-up credentials", "R7": "other methods of strangers",
    "R8": "our passwords asked for by others", "R9": "a phone's own caller id", "R10": "a stranger knows Call-ID and one tag",
    "R11": "contacts and times without bounds", "R12": "a stolen account calls costly countries",
    "R13": "telephones' secrets", "R14": "500 telephones register at once", "R15": "a flood from one address",
    "R16": "answers larger than requests", "R17": "a scanner",
    "M1": "RTP of strangers in a call", "M2": "RTP spray while calls start", "M5": "malformed packets", "M6": "silence and lost phones",
    "M3": "SRTP with wrong tags", "M4": "DTLS from elsewhere, and with another fingerprint", "M7": "jitter, loss and doubled keys",
    "M8": "ports run out", "M9": "SDP abuse", "M10": "a recording paused for card data",
    "Q1": "recordings at rest", "Q2": "playing and downloading", "Q3": "deletion by age and on request",
    "K1": "switch dies", "K2": "calls in set-up as it dies", "K3": "a media worker dies", "K4": "core dies", "K5": "web dies",
    "K7": "web dies: calls and writes", "K8": "a recorder dies",
    "K9": "a worker dies", "K10": "everything dies", "K11": "nothing is stuck afterwards",
    "K12": "one record a call over 20 kills", "K13": "a process hangs", "K14": "an upgrade, one process after the other",
    "D1": "PostgreSQL away: calls go on", "D2": "PostgreSQL away: nothing lost or doubled", "D3": "PostgreSQL away: the pages say so",
    "D4": "PostgreSQL back", "D6": "NATS away",
    "F1": "the disk of recordings is full", "F3": "a disk that stands or is slow", "F4": "the clock jumps",
    "F5": "no descriptors or memory left", "F6": "eight hours at half load", "F7": "twice the rated calls",
    "N3": "page reloaded in a call", "N4": "one agent, two desks", "N6": "half-open WebSockets",
    "L1": "the same request twice", "L2": "double clicks",
    "L3": "events twice or out of order", "L5": "10,000 races for one caller",
    "W1": "every operation × every role × another tenant", "W3": "100 wrong passwords", "W4": "sessions end", "W6": "scripts in names",
    "W7": "pages of other origins", "W9": "fields that are not ours to set", "W11": "no debug pages", "U4": "names of uploaded files",
    "U5": "uploads that are no sound", "P8": "the parser alone",
}  # fmt: skip
HEAD = """# Reliability

Faults, by the cases that the tests name (`@pytest.mark.case`). Written by `scripts/reliability.py`; a figure is what a test run noted on
the machine it ran on, with the number of tests of the case that passed when they last ran there; no test asserts a speed. {dash} in the
last column: not run there. K1, K4 and K5 assert four times their bounds (others may use the machine) with the spare process standing by,
as it does some seconds after every start or death.

| case | what happens | tested by | figure |
| --- | --- | --- | --- |
"""


def proofs() -> dict[str, list[str]]:
    """Case → ``file::test``, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for case, test in _marks(ast.parse(path.read_text("utf-8"))):
            found[case].append(f"{path.relative_to(ROOT / 'tests').as_posix()}::{test}")
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "case":
                yield from ((str(name.value), node.name) for name in mark.args if isinstance(name, ast.Constant))


def figures() -> dict[str, str]:
    """Case → what was reached; the newest line of a run wins over what the page has."""
    kept = dict(re.findall(r"^\| (\w+) \|.*\| ([^|]*) \|$", PAGE.read_text("utf-8"), re.M)) if PAGE.exists() else {}
    kept.pop("case", None)
    kept = {case: re.sub(r"(; )?\d+ checks? passed$", "", figure) for case, figure in kept.items()}
    noted: dict[str, str] = {}
    for line in FIGURES.read_text("utf-8").splitlines() if FIGURES.exists() else []:
        one = json.loads(line)
        noted[one["case"]] = str(one["figure"]).replace("|", "/")
    return kept | noted


def reached_by(case: str, noted: dict[str, str], passed: dict[str, list[str]]) -> str:
    """The figure that a test noted, and how many tests of the case passed when they last ran here."""
    count = len(passed.get(case, ()))
    told = [noted.get(case, "").removesuffix(NONE), f"{count} {'check' if count == 1 else 'checks'} passed" if count else ""]
    return "; ".join(one for one in told if one) or NONE


def text() -> str:
    """The whole page."""
    proved, noted = proofs(), figures()
    passed: dict[str, list[str]] = json.loads(PASSED.read_text("utf-8")) if PASSED.exists() else {}
    unknown = sorted(set(proved) - set(CASES))
    if unknown:
        sys.exit(f"say in CASES what these are: {', '.join(unknown)}")
    rows = [
        f"| {case} | {what} | {'<br>'.join(f'`{one}`' for one in proved.get(case, ())) or 'none'} | {reached_by(case, noted, passed)} |"
        for case, what in CASES.items()
    ]
    return HEAD.format(dash=NONE) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
    missing = [case for case in CASES if case not in proofs()]
    print(f"{len(CASES) - len(missing)} of {len(CASES)} cases have a test; not yet: {', '.join(missing) or 'none'}")
