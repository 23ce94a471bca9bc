"""Files that are sealed as they grow, and folders in which sealed and plain files lie side by side."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.kept import KeptFolder, name_of, owner_of
from yitong.kit.keyring import Keyring
from yitong.kit.sealing import BODY, TAG, Damaged, Growing, KeyMissing, Opened, Unfinished, is_sealed, open_sealed

ONE, TENANT = "0192f0c1-2b1e-7a00-8000-000000000001", "0192f0c1-2b1e-7a00-8000-0000000000aa"
KEY = ("0192f0c1-2b1e-7a00-8000-00000000000b", bytes(range(32)))
CHUNK = 1000
SOUND = bytes(at * 7 % 251 for at in range(5 * CHUNK))


def find(_: str) -> bytes:
    return KEY[1]


def grown(path: Path, content: bytes, pieces: int = 700) -> Growing:
    file = Growing(path, name=ONE, form="pcm2", key=KEY, chunk=CHUNK)
    for at in range(0, len(content), pieces):
        file.append(content[at : at + pieces])
    return file


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 4321, 5000])
def test_what_grew_is_read_as_it_was_given(tmp_path: Path, length: int) -> None:
    path, content = tmp_path / "a", SOUND[:length]
    file = grown(path, content)
    assert file.length == length
    file.finish()
    assert b"".join(file.content()) == content
    file.close()
    raw = path.read_bytes()
    assert len(raw) == BODY + length + TAG * (length // CHUNK + 1)
    assert length < 64 or content[:64] not in raw
    with open_sealed(path, find, name=ONE) as opened:
        assert opened.read() == content
        for first, count in ((0, 10), (995, 10), (length - 3, 10), (1999, 2002)):
            opened.seek(max(0, first))
            assert opened.read(count) == content[max(0, first) :][:count]


def test_at_any_moment_whole_chunks_can_be_read_and_a_cut_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    file = grown(path, SOUND[:2600])
    with pytest.raises(Unfinished):
        open_sealed(path, find)
    with Opened(path, find, unfinished=True) as opened:
        assert (opened.read(), opened.complete) == (SOUND[:2000], False)
    file.finish()
    file.close()
    whole = path.read_bytes()
    for cut in (1, TAG, 600 + TAG - 1, 600 + TAG, 600 + TAG + 1, 1200):
        path.write_bytes(whole[:-cut])
        with pytest.raises(Damaged):
            open_sealed(path, find)
        with Opened(path, find, unfinished=True) as opened:
            assert opened.read() == SOUND[: 1000 if cut > 600 + TAG else 2000]


def test_a_changed_octet_is_found_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    file = grown(path, SOUND[:2600])
    file.finish()
    file.close()
    good = path.read_bytes()
    for place in (9, 20, 33, 38, 45, 80, BODY + 3, BODY + 1500, len(good) - 1):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(Damaged), open_sealed(path, find) as opened:
            opened.read()
    path.write_bytes(good)
    with pytest.raises(Damaged, match="another's"):
        open_sealed(path, find, name=TENANT)
    swapped = good[: BODY + CHUNK + TAG] * 1 + good[BODY : BODY + CHUNK + TAG] + good[BODY + 2 * (CHUNK + TAG) :]
    path.write_bytes(swapped)
    with pytest.raises(Damaged), open_sealed(path, find) as opened:
        opened.read()


def test_after_a_failed_write_no_nonce_serves_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    file = grown(path, SOUND[:1500])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="full"):
            file.append(SOUND[1500:4000])
    with pytest.raises(OSError, match="former"):
        file.append(SOUND[1500:4000])
    file.finish()
    file.close()
    with open_sealed(path, find) as opened:
        assert opened.read() == SOUND[:1500]


def test_a_folder_seals_what_has_an_owner(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys", SystemClock(), RandomIds())
    folder = KeptFolder(tmp_path / "kept", keyring)
    mine, nobodys = f"messages/{TENANT}/2026/{ONE}.wav", f"{ONE}.wav"
    assert (owner_of(mine), owner_of(f"{TENANT}/a.tif"), owner_of(nobodys), owner_of(f"a/b/{TENANT}/c")) == (TENANT, TENANT, "", "")
    assert name_of(mine) == ONE == name_of(f"{TENANT}/{ONE.replace('-', '')}.tif")
    assert name_of(f"{TENANT}/tariff.tif") != name_of(f"{TENANT}/other.tif")
    for file in (mine, nobodys):
        folder.put(file, SOUND, "wav")
        assert folder.read(file) == SOUND
    assert [is_sealed(folder.path(file)) for file in (mine, nobodys)] == [True, False]
    first = folder.key_of(mine)
    assert not folder.rewrap(mine)
    second = keyring.rotate(TENANT)
    assert folder.rewrap(mine)
    assert (folder.key_of(mine), folder.read(mine)) == (second, SOUND)
    (keyring.folder / TENANT / f"{first}.key").unlink()
    assert folder.read(mine) == SOUND
    (keyring.folder / TENANT / f"{second}.key").rename(tmp_path / "elsewhere")
    with pytest.raises(KeyMissing):
        folder.open(mine)
    for outside in ("../a", "", "/etc/hosts"):
        with pytest.raises(FileNotFoundError):
            folder.path(outside)
    folder.remove(mine)
    folder.remove(mine)
    assert [name for name, _ in folder.files()] == [nobodys]


def test_what_lies_plain_is_read_and_sealed_in_place(tmp_path: Path) -> None:
    folder = KeptFolder(tmp_path / "kept", Keyring(tmp_path / "keys", SystemClock(), RandomIds()))
    file = f"{TENANT}/{ONE}.tif"
    folder.path(f"{TENANT}").mkdir(parents=True)
    folder.path(file).write_bytes(SOUND)
    assert (folder.read(file), folder.key_of(file)) == (SOUND, "")
    assert folder.seal(file, "tiff")
    assert not folder.seal(file, "tiff")
    assert (folder.read(file), os.listdir(folder.path(TENANT))) == (SOUND, [f"{ONE}.tif"])
    assert SOUND[:64] not in folder.path(file).read_bytes()
