"""One DTLS handshake with its SRTP keys (RFC 5764), by OpenSSL over memory buffers. Runs in one thread only."""

from __future__ import annotations

from typing import NamedTuple

from OpenSSL import SSL
from OpenSSL.crypto import X509

from yitong.ct.switches.soft.media_certificate import Certificate

_MTU = 1200
_LABEL = b"EXTRACTOR-dtls_srtp"
_KEY, _SALT = 16, 14
_RECORD = 13


class Keys(NamedTuple):
    """Master keys with salts for what they send and what we send."""

    theirs: bytes
    ours: bytes


def _context(certificate: Certificate) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)  # the fingerprint is what is verified
    context.use_certificate(certificate.certificate)
    context.use_privatekey(certificate.key)
    context.set_cipher_list(
        b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA"
    )
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    return context


class Handshake:
    """``go_on`` with each datagram and from time to time without; it answers what to send and, once, the result."""

    def __init__(self, certificate: Certificate, client: bool, fingerprint: str) -> None:
        self._fingerprint = fingerprint.upper()
        self._client = client
        self._connection = SSL.Connection(_context(certificate), None)
        self._connection.set_ciphertext_mtu(_MTU)
        self._done = False
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def go_on(self, data: bytes | None) -> tuple[list[bytes], Keys | str | None]:
        """Datagrams to send, and the keys, or why it failed ("fingerprint", "dtls"), or None while it lasts."""
        result: Keys | str | None = None
        try:
            if data is not None:
                self._connection.bio_write(data)
            elif not self._done:
                self._connection.DTLSv1_handle_timeout()
            result = self._proceed()
        except SSL.WantReadError:
            result = None
        except SSL.ZeroReturnError:
            result = None
        except SSL.Error:
            result = None if self._done else "dtls"
        return self._output(), result

    def _proceed(self) -> Keys | str | None:
        if self._done:
            self._connection.recv(_MTU)  # lets OpenSSL repeat its last flight when the peer repeats his
            return None
        self._connection.do_handshake()
        self._done = True
        peer = self._connection.get_peer_certificate(as_cryptography=False)
        if not isinstance(peer, X509) or self._print_of(peer) != self._fingerprint:
            return "fingerprint"
        return self._keys()

    @staticmethod
    def _print_of(peer: X509) -> str:
        return "SHA-256 " + peer.digest("sha256").decode().upper()

    def _keys(self) -> Keys:
        material = self._connection.export_keying_material(_LABEL, 2 * (_KEY + _SALT))
        client = material[:_KEY] + material[2 * _KEY : 2 * _KEY + _SALT]
        server = material[_KEY : 2 * _KEY] + material[2 * _KEY + _SALT :]
        return Keys(server, client) if self._client else Keys(client, server)

    def _output(self) -> list[bytes]:
        """What OpenSSL wants to send, in datagrams that hold whole records."""
        data = b""
        while True:
            try:
                data += self._connection.bio_read(65536)
            except SSL.Error:
                break
        datagrams: list[bytes] = []
        while data:
            size = _RECORD + int.from_bytes(data[11:13], "big")
            record, data = data[:size], data[size:]
            if datagrams and len(datagrams[-1]) + len(record) <= _MTU:
                datagrams[-1] += record
            else:
                datagrams.append(record)
        return datagrams
