"""The fax mailbox and the documents for fax on demand, by HTTP: rights, what is shown, what is kept, the audit log."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from tests.web.world import World

from yitong.media import fax_page

TEXT = "煤气资费表\n每立方米 3.00 元。" + "\n第二段，说明。" * 60


@pytest.mark.req("G14")
async def test_the_mailbox_is_read_by_right_and_every_look_is_audited(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    first = await world.fax(world.mine, "one", minutes_ago=9)
    second = await world.fax(world.mine, "one", sent=True)
    supervisor, admin = await world.headers("1100"), await world.headers("admin")
    page = (await world.ask("GET", "/faxes?limit=1", supervisor)).json()
    assert [one["id"] for one in page["items"]] == [second]
    (shown,) = (await world.ask("GET", f"/faxes?limit=1&cursor={page['next']}", supervisor)).json()["items"]
    assert (shown["id"], shown["sent"], shown["outcome"], shown["pages"], shown["station"]) == (first, False, "ok", 1, "0215555")
    assert shown["contact"] == world.mine.contacts["one"]
    assert [one["id"] for one in (await world.ask("GET", "/faxes?sent=false", supervisor)).json()["items"]] == [first]
    tiff = await world.ask("GET", f"/faxes/{first}/document", supervisor)
    assert tiff.headers["content-type"] == "image/tiff"
    with Image.open(io.BytesIO(tiff.content)) as picture:
        assert picture.size == (fax_page.WIDTH, fax_page.HEIGHT)
    assert (await world.ask("GET", f"/faxes/{first}/document?as=pdf", supervisor)).content.startswith(b"%PDF")
    assert (await world.ask("GET", "/faxes", await world.headers("1001"))).json()["items"] == []
    assert (await world.ask("GET", "/faxes", await world.headers("nobody"))).status_code == 403
    entries = (await world.ask("GET", "/config/audit?limit=200", admin)).json()["items"]
    assert [one["action"] for one in entries if one["action"].startswith("fax.")].count("fax.read") == 2


async def test_a_fax_without_a_file_is_not_found(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    fax = await world.seed.fax(world.mine, "one")
    assert (await world.ask("GET", f"/faxes/{fax}/document", await world.headers("admin"))).status_code == 404


@pytest.mark.req("H33")
async def test_a_text_becomes_a_document(world: World) -> None:
    admin = await world.headers("admin")
    made = await world.ask("POST", "/config/fax_documents", admin, data={"code": "prices", "name": "资费", "text": TEXT})
    assert made.status_code == 201, made.text
    value = made.json()
    assert (value["code"], value["pages"]) == ("prices", 3)
    pages = await world.ask("GET", f"/config/fax_documents/{value['id']}/document", admin)
    with Image.open(io.BytesIO(pages.content)) as picture:
        assert (picture.n_frames, picture.size) == (3, (fax_page.WIDTH, fax_page.HEIGHT))  # type: ignore[attr-defined]  # TIFF
    listed = (await world.ask("GET", "/config/fax_documents", admin)).json()["items"]
    assert [one["code"] for one in listed] == ["prices", "tariff"]


async def test_a_picture_becomes_a_document_and_is_changed_and_removed(world: World) -> None:
    admin = await world.headers("admin")
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "blue").save(out, "PNG")
    files = {"file": ("x.png", out.getvalue(), "image/png")}
    made = await world.ask("POST", "/config/fax_documents", admin, data={"code": "map", "name": "Map"}, files=files)
    assert made.status_code == 201, made.text
    path, first = f"/config/fax_documents/{made.json()['id']}", made.json()["file"]
    renamed = await world.ask("PUT", path, admin, headers={"If-Match": made.headers["etag"]}, data={"code": "map", "name": "The map"})
    assert (renamed.json()["file"], renamed.json()["name"]["en"]) == (first, "The map")
    other = await world.ask(
        "PUT", path, admin, headers={"If-Match": renamed.headers["etag"]}, data={"code": "map", "name": "The map", "text": "no picture"}
    )
    assert other.json()["file"] != first
    assert len((await world.ask("GET", f"{path}/history", admin)).json()["items"]) == 3
    assert (await world.ask("DELETE", path, admin, headers={"If-Match": other.headers["etag"]})).status_code == 204
    assert (await world.ask("GET", path, admin)).status_code == 404


async def test_what_is_no_document_is_refused_with_a_sentence(world: World) -> None:
    admin = await world.headers("admin")
    files = {"file": ("x.png", b"no picture at all", "image/png")}
    refused = await world.ask("POST", "/config/fax_documents", admin, data={"code": "x", "name": "x"}, files=files)
    assert (refused.status_code, refused.json()["code"], refused.json()["parameters"]) == (422, "fax_refused", {"reason": "no_picture"})
    empty = await world.ask("POST", "/config/fax_documents", admin, data={"code": "x", "name": "x", "text": " "})
    assert empty.json()["parameters"] == {"reason": "empty"}
    supervisor = await world.headers("1100")
    assert (await world.ask("POST", "/config/fax_documents", supervisor, data={"code": "x", "name": "x", "text": "x"})).status_code == 403
