"""A disk that does not take the journal: calls go on, nothing that was written is hidden, and all is written when there is room."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from tests.switches.ears import Ears
from tests.switches.situations import talking
from tests.switches.soft_rig import SoftFar, SoftPhone, SoftRig

from yitong.ct.switches.soft.journal import Journal


class Value(msgspec.Struct, frozen=True):
    text: str


def fill_the_disk(journal: Journal) -> None:
    """Every write from now on fails with ENOSPC."""
    full = os.open("/dev/full", os.O_WRONLY | os.O_APPEND)
    os.dup2(full, journal._file)
    os.close(full)


def test_what_a_full_disk_did_not_take_is_written_when_it_has_room(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.put("line", "a", Value("1"))
    fill_the_disk(journal)
    journal.put("line", "b", Value("2"))
    assert journal.trouble == os.strerror(28)
    with journal.together():
        journal.put("line", "a", Value("3"))
        journal.drop("line", "b")
    assert Journal(tmp_path / "j").all("line") == {"a": msgspec.msgpack.encode(Value("1"))}, "what was written can be read"
    journal.mend()
    assert not journal.trouble
    journal.put("line", "c", Value("4"))
    journal.close()
    assert Journal(tmp_path / "j").values == journal.values


def test_a_file_that_cannot_be_written_anew_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", compact_bytes=1)
    (tmp_path / "j.new").mkdir()
    for number in range(5):
        journal.put("line", "a", Value(str(number)))
    assert journal.trouble
    (tmp_path / "j.new").rmdir()
    journal.mend()
    assert not journal.trouble
    journal.close()
    assert Journal(tmp_path / "j").values == journal.values


async def test_calls_go_on_and_timers_run_while_the_journal_cannot_be_written(soft: SoftRig) -> None:
    journal = soft.switch.memory.journal
    fill_the_disk(journal)
    made = await talking(soft)
    assert journal.trouble
    assert isinstance(made.far, SoftFar)
    assert isinstance(made.phone, SoftPhone)
    await Ears(soft, customer=made.far, agent=made.phone).hear(customer="agent", agent="customer")
    assert soft.switch._timer is not None, "what is due is looked after"
    journal.mend()
    await made.phone.hang_up()
    await soft.true(lambda: not journal.all("line"))
    assert not journal.trouble
