import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from tests.kit.certificates import make_certificate

from yitong.kit.settings import Settings, SettingsError, environment, load


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert (settings.http_port, settings.sip_port, settings.sip_ws_port) == (8000, 5060, 8089)
    assert settings.rtp_ports == (20000, 29999)
    assert settings.bind == "127.0.0.1"
    assert settings.address == "127.0.0.1"
    assert not settings.tls
    assert settings.home == Path.cwd() / "var"  # absolute: PostgreSQL has another working folder


def test_environment_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "yitong.toml").write_text('http_port = 9000\nsip_port = 5070\nrtp_ports = "30000-30100"\n')
    settings = load({"YITONG_HTTP_PORT": "9001", "YITONG_SIP_WS_PORT": ""}, tmp_path)
    assert (settings.http_port, settings.sip_port, settings.rtp_ports) == (9001, 5070, (30000, 30100))
    assert settings.sip_ws_port == 8089


def test_what_is_handed_to_children_reads_back_the_same(tmp_path: Path) -> None:
    settings = load({"YITONG_HOME": str(tmp_path), "YITONG_RTP_PORTS": "30000-30100", "YITONG_NATS_URL": "nats://u:p@127.0.0.1:1"})
    assert load(environment(settings), tmp_path) == settings


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"YITONG_HTTP_PORT": "http"}, "YITONG_HTTP_PORT must be a whole number"),
        ({"YITONG_HTTP_PORT": "\uff11\uff12"}, "YITONG_HTTP_PORT must be a whole number"),
        ({"YITONG_SIP_PORT": "70000"}, "from 1 to 65535"),
        ({"YITONG_RTP_PORTS": "20000"}, "must look like 20000-29999"),
        ({"YITONG_RTP_PORTS": "20000-20001"}, "at least four ports"),
        ({"YITONG_BIND": "everywhere"}, "must be an IP address"),
        ({"YITONG_BIND": "0.0.0.0"}, "beyond this machine without encryption"),
        ({"YITONG_TLS_CERT": "cert.pem"}, "belong together"),
        ({"YITONG_TLS_CERT": "no.pem", "YITONG_TLS_KEY": "no.key"}, "which is not a file"),
        ({"YITONG_CONFIG": "/no/such/yitong.toml"}, "which is not a file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(environ: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(environ, tmp_path)


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yitong.toml").write_text("htpp_port = 9000\n")
    with pytest.raises(SettingsError, match="htpp_port"):
        load({}, tmp_path)


def test_beyond_loopback_with_tls(tmp_path: Path) -> None:
    make_certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    environ = {"YITONG_BIND": "0.0.0.0", "YITONG_TLS_CERT": str(tmp_path / "cert.pem"), "YITONG_TLS_KEY": str(tmp_path / "key.pem")}
    assert load(environ, tmp_path).tls
    (tmp_path / "cert.pem").write_text("x")
    with pytest.raises(SettingsError, match="cannot be used"):
        load(environ, tmp_path)


def test_the_password_does_not_show() -> None:
    assert "geheim" not in repr(Settings(demo_password="geheim"))


def test_the_example_file_names_every_setting_with_its_default(tmp_path: Path) -> None:
    example = (Path(__file__).parents[2] / "yitong.toml").read_text("utf-8")
    shown = "\n".join(line.removeprefix("# ").partition("  #")[0] for line in example.splitlines() if " = " in line)
    (tmp_path / "yitong.toml").write_text(shown, "utf-8")
    assert set(tomllib.loads(shown)) == {one.name for one in fields(Settings)} - {"runtime", "worker"}
    assert load({"YITONG_HOME": "/h"}, tmp_path) == load({"YITONG_HOME": "/h"}, tmp_path / "none")
