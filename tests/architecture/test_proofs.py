"""``make trace`` after a run of a part of the tests."""

from __future__ import annotations

from pathlib import Path

from tests import proofs


def test_a_test_that_ran_replaces_its_own_rows_only() -> None:
    old = {"H1": {"a.py::one", "b.py::two"}, "H2": {"a.py::one"}, "H3": {"a.py::three"}}
    ran: dict[str, set[str]] = {"a.py::one": {"H1", "H4"}, "a.py::three": set()}
    assert proofs.merged(old, ran) == {"H1": {"a.py::one", "b.py::two"}, "H4": {"a.py::one"}}


def test_what_is_kept_leaves_out_files_that_are_gone(tmp_path: Path) -> None:
    kept = tmp_path / "build" / "requirements.json"
    assert proofs.load(kept, tmp_path) == {}
    (tmp_path / "here.py").touch()
    proofs.save(kept, {"H1": {"here.py::one", "gone.py::two"}})
    assert proofs.load(kept, tmp_path) == {"H1": {"here.py::one"}}


def test_the_group_of_a_test_is_not_part_of_its_name() -> None:
    assert proofs.plain("a.py::one[x@y]@real time") == "a.py::one[x@y]"
    assert proofs.plain("a.py::one[x@y]") == "a.py::one[x@y]"
