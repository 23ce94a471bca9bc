"""The certificate of HTTPS and WSS, renewed while we run."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from tests.kit.certificates import make_certificate

from yitong.kit.certificate import ServerContext


def serial(context: ssl.SSLContext) -> int:
    """The serial number of the certificate that a new connection gets."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found).serial_number


def test_a_changed_pair_is_taken_into_use(tmp_path: Path) -> None:
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    first = make_certificate(*files)
    served = ServerContext(*map(str, files))
    assert served.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert serial(served.context) == first
    assert not served.renew()
    second = make_certificate(*files)
    assert served.renew()
    assert serial(served.context) == second != first


def test_half_a_pair_or_none_changes_nothing(tmp_path: Path) -> None:
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    first = make_certificate(*files)
    served = ServerContext(*map(str, files))
    second = make_certificate(files[0], tmp_path / "new-key.pem")
    assert not served.renew()
    files[0].rename(tmp_path / "away.pem")
    assert not served.renew()
    assert serial(served.context) == first
    (tmp_path / "away.pem").rename(files[0])
    (tmp_path / "new-key.pem").rename(files[1])
    assert served.renew()
    assert serial(served.context) == second


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("x")
    with pytest.raises(OSError):
        ServerContext(str(tmp_path / "cert.pem"), str(tmp_path / "cert.pem"))
