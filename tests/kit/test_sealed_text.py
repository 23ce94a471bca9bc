"""Short secrets sealed with a keyring's key: bound to owner and purpose, opened by older keys too."""

from __future__ import annotations

from pathlib import Path

import pytest

from yitong.kit.clock import SystemClock
from yitong.kit.sealed_text import Sealer, key_of, sealer_of
from yitong.kit.sealing import Damaged, KeyMissing

TENANT, OTHER, PURPOSE = "t1", "t2", "trunk.password"


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return sealer_of(tmp_path / "keys", SystemClock())


def test_what_is_sealed_says_nothing_and_opens_again(sealer: Sealer) -> None:
    kept = [sealer.seal(TENANT, PURPOSE, "s3cret 密码") for _ in range(2)]
    assert len({*kept}) == 2
    assert all("s3cret" not in one and one.isascii() for one in kept)
    assert [sealer.open(TENANT, PURPOSE, one) for one in kept] == ["s3cret 密码"] * 2
    assert sealer.seal(TENANT, PURPOSE, "") == sealer.open(TENANT, PURPOSE, "") == ""


def test_a_plain_text_of_a_former_release_is_itself(sealer: Sealer) -> None:
    assert sealer.open(TENANT, PURPOSE, "plain") == "plain"
    assert key_of("plain") == ""


def test_it_opens_for_its_owner_and_purpose_alone(sealer: Sealer, tmp_path: Path) -> None:
    kept = sealer.seal(TENANT, PURPOSE, "s3cret")
    key = tmp_path / "keys" / TENANT / f"{key_of(kept)}.key"
    with pytest.raises(KeyMissing):
        sealer.open(OTHER, PURPOSE, kept)
    (tmp_path / "keys" / OTHER).mkdir()
    (tmp_path / "keys" / OTHER / key.name).write_bytes(key.read_bytes())
    for owner, purpose, text in ((OTHER, PURPOSE, kept), (TENANT, "mail.password", kept), (TENANT, PURPOSE, kept[:-2] + "A=")):
        with pytest.raises(Damaged):
            sealer.open(owner, purpose, text)
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_older_keys_open_what_they_sealed(sealer: Sealer) -> None:
    before = sealer.seal(TENANT, PURPOSE, "one")
    newest = sealer.keyring.rotate(TENANT)
    assert key_of(sealer.seal(TENANT, PURPOSE, "two")) == newest != key_of(before)
    assert sealer.open(TENANT, PURPOSE, before) == "one"
