"""How near the limits are: what is read of the system, and when no new work is taken."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from yitong.kit import limits
from yitong.kit.limits import Limits, Room

GIB = 1 << 30
PLENTY = Room(GIB, 8 * GIB)


def test_what_the_system_says() -> None:
    before = limits.look()
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    after = limits.look()
    for one in opened:
        os.close(one)
    assert after.files.used - before.files.used >= 5
    assert after.files.most == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0 < after.memory.used < after.memory.most
    assert after.figures()["memory_percent"] == after.memory.percent


def test_new_work_is_refused_before_a_limit_is_reached() -> None:
    assert Limits(Room(900, 1024), PLENTY).short_of == ""
    assert Limits(Room(970, 1024), PLENTY).short_of == limits.NO_DESCRIPTORS
    assert Limits(Room(100, 128), PLENTY).short_of == ""
    assert Limits(Room(120, 128), PLENTY).short_of == limits.NO_DESCRIPTORS
    assert Limits(Room(300, 100), PLENTY).short_of == limits.NO_DESCRIPTORS, "the limit was lowered meanwhile"
    assert Limits(Room(9, 1024), Room(8 * GIB - (150 << 20), 8 * GIB)).short_of == limits.NO_MEMORY
    assert Limits(Room(9, 1024), Room(64 * GIB - (300 << 20), 64 * GIB)).short_of == ""


def test_the_limit_of_a_control_group_counts_without_what_the_kernel_can_drop(tmp_path: Path) -> None:
    assert limits._group(tmp_path) is None
    own = tmp_path / Path("/proc/self/cgroup").read_text().partition("0::/")[2].partition("\n")[0]
    own.mkdir(parents=True, exist_ok=True)
    for name, text in (("memory.max", "max\n"), ("memory.current", "900\n"), ("memory.stat", "anon 5\ninactive_file 300\nslab 1\n")):
        (own / name).write_text(text)
    assert limits._group(tmp_path) is None
    (own / "memory.max").write_text("1000\n")
    assert limits._group(tmp_path) == Room(600, 1000)
