"""A connection to a message centre by SMPP 3.4, bound as transceiver. PDUs, alphabets and segments are aiosmpplib's (ADR 0036).

What is written to the socket and not answered is ``unknown``, whatever the cause: the centre may have it. A receipt is acknowledged after
it was kept, so one that we die over comes again. Messages from telephones are refused (ESME_RX_R_APPN): nothing here reads them.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog
from aiosmpplib import (
    NPI,
    TON,
    BindTransceiver,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GSM7BitCodec,
    PhoneNumber,
    SmppCommandStatus,
    SmppMessage,
    SubmitSm,
    UCS2Codec,
    Unbind,
    UnbindResp,
)
from aiosmpplib.codec import GSM_EXTENDED_ENCODE_MAP
from aiosmpplib.utils import split_sms_udh

from yitong.domains.messaging.model.texts import Answer, Line, NotBound, Part, Receipt
from yitong.kit.tasks import Tasks

_HEADER = struct.Struct("!IIII")
_LONGEST_PDU = 70_000
_RESPONSE = 0x80000000
_NACK, _SUBMIT_RESP, _DELIVER, _UNBIND, _ENQUIRE = 0x80000000, 0x80000004, 0x00000005, 0x00000006, 0x00000015
_UDHI, _RECEIPT = 0x40, 0x04
_REGISTERED = 1
_TAKEN_ID, _MESSAGE_STATE, _PAYLOAD = 0x001E, 0x0427, 0x0424
_STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}
_THROTTLED = {0x14, 0x58}
_LATER = {0x01, 0x02, 0x04, 0x05, 0x08, 0x64, 0x65, 0xFF}
"""Statuses that may pass: a fault of the centre, a queue that is full, a session that it lost."""
_GSM, _UCS2 = "gsm0338", "ucs2"
_FIELD = re.compile(r"\b(id|stat|err):\s*(\S+)", re.IGNORECASE)
ANSWER_SECONDS = 20.0
QUIET_SECONDS = 30.0
"""After so long without a word from the centre it is asked whether it lives (enquire_link, SMPP 4.11)."""
_log = structlog.get_logger("yitong.smpp")


class SmppChannel:
    """Opens connections. ``tasks`` holds what runs beside; the times are for tests to shorten."""

    def __init__(self, tasks: Tasks, *, answer_seconds: float = ANSWER_SECONDS, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._tasks = tasks
        self._answer = answer_seconds
        self._quiet = quiet_seconds

    def parts(self, body: str, line: Line, recipient: str, reference: int, lasting_seconds: int) -> list[Part]:
        """A text as short messages: GSM 03.38 or UCS2, in segments with a user data header (3GPP TS 23.040 §9.2.3.24.1) when it is long."""
        encoding = _GSM if line.alphabet == "auto" and _is_gsm(body) else _UCS2
        octets = split_sms_udh(body, encoding, reference % 256)
        if len(octets) == 1:
            codec = GSM7BitCodec if encoding == _GSM else UCS2Codec
            octets = [codec.get_codec_info().encode(body)[0]]
        return [
            Part(recipient=recipient, octets=one, encoding=encoding, segmented=len(octets) > 1, lasting_seconds=lasting_seconds)
            for one in octets
        ]

    async def bind(self, line: Line, hear: Callable[[Receipt], Awaitable[None]]) -> SmppSession:
        """Connect and bind (SMPP 4.1.5). Raises NotBound."""
        try:
            async with asyncio.timeout(self._answer):
                reader, writer = await asyncio.open_connection(line.host, line.port, ssl=_context(line))
        except ssl.SSLError as error:
            raise NotBound("tls_refused", str(error.reason or error)[:120]) from error
        except (OSError, TimeoutError, ValueError) as error:
            raise NotBound("unreachable", type(error).__name__) from error
        session = SmppSession(line, reader, writer, hear, self._answer, self._quiet)
        try:
            await session.bind()
        except NotBound:
            session.drop()
            raise
        self._tasks.start(session.listen(), "SMPP session")
        return session


class SmppSession:
    """A bound connection."""

    def __init__(
        self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Callable[[Receipt], Awaitable[None]],
        answer_seconds: float, quiet_seconds: float,
    ) -> None:  # fmt: skip
        self._line = line
        self._reader, self._writer = reader, writer
        self._hear = hear
        self._answer, self._quiet = answer_seconds, quiet_seconds
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self.over = ""
        self.refused = 0
        """Messages from telephones that were refused."""

    async def bind(self) -> None:
        """Raises NotBound."""
        line = self._line
        try:
            request = BindTransceiver(system_id=line.system_id, password=line.password, system_type=line.system_type)
            await self._write(request, self._next())
            async with asyncio.timeout(self._answer):
                _, status, _, _ = await self._read()
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            raise NotBound("no_answer", type(error).__name__) from error
        if status:
            raise NotBound("bind_refused", status_name(status))

    async def submit(self, part: Part) -> Answer:
        """Hand a part over (submit_sm, SMPP 4.4)."""
        try:
            message = self._message(part)
            sequence = self._next()
            message.sequence_num = sequence
            pdu = message.pdu()
        except (ValueError, struct.error, UnicodeError) as error:
            return Answer(outcome="refused", reason=f"not_encodable: {type(error).__name__}")
        if self.over:
            return Answer(outcome="unsent", reason=self.over)
        future = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = future
        try:
            self._writer.write(pdu)
            async with asyncio.timeout(self._answer):
                await self._writer.drain()
                status, body = await future
        except (OSError, TimeoutError) as error:
            return Answer(outcome="unknown", reason=self.over or ("no_answer" if isinstance(error, TimeoutError) else "connection_lost"))
        finally:
            self._waiting.pop(sequence, None)
        return _answer(status, body)

    def _message(self, part: Part) -> SubmitSm:
        """Numbers with a plus are international (TON 1, NPI 1)."""
        line, number = self._line, part.recipient
        abroad = number.startswith("+")
        message = SubmitSm(
            short_message="-", source=PhoneNumber(line.source, TON(line.source_ton), NPI(line.source_npi)),
            destination=PhoneNumber(number.lstrip("+"), TON(1 if abroad else line.dest_ton), NPI(1 if abroad else line.dest_npi)),
            esm_class=_UDHI if part.segmented else 0, registered_delivery=_REGISTERED,
            validity_period=timedelta(seconds=max(60, part.lasting_seconds)), encoding=None if part.encoding == _GSM else part.encoding,
        )  # fmt: skip
        message.set_encoded_message(part.octets)
        return message

    # --- what comes in ---------------------------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Until the connection ends; then whoever waits for an answer hears so."""
        try:
            while True:
                await self._hear_one()
        except (OSError, EOFError, TimeoutError) as error:
            self._end("centre_silent" if isinstance(error, TimeoutError) else "connection_lost")
        except ValueError:
            self._end("not_smpp")
        finally:
            self._end("closed")

    async def _hear_one(self) -> None:
        """The next PDU, or (SMPP 4.11) a question whether the centre lives."""
        try:
            async with asyncio.timeout(self._quiet):
                head = await self._reader.readexactly(_HEADER.size)
        except TimeoutError:
            await self._write(EnquireLink(), self._next())
            async with asyncio.timeout(self._answer):
                head = await self._reader.readexactly(_HEADER.size)
        command, status, sequence, body = await self._rest(head)
        if command & _RESPONSE:
            future = self._waiting.get(sequence) if command in (_SUBMIT_RESP, _NACK) else None
            if future is not None and not future.done():
                future.set_result((status or (0xFF if command == _NACK else 0), body))
        elif command == _DELIVER:
            await self._delivered(sequence, body)
        elif command == _ENQUIRE:
            await self._write(EnquireLinkResp(), sequence)
        elif command == _UNBIND:
            await self._write(UnbindResp(), sequence)
            raise ConnectionResetError

    async def _delivered(self, sequence: int, body: bytes) -> None:
        """deliver_sm (SMPP 4.6): a receipt, or somebody's message."""
        receipt = receipt_of(body)
        if receipt is None:
            self.refused += 1
            await self._write(DeliverSmResp(command_status=SmppCommandStatus.ESME_RX_R_APPN), sequence)
            return
        try:
            if receipt.id:
                await self._hear(receipt)
        except Exception as error:  # noqa: BLE001 - whatever keeps us from keeping it: the centre sends it again
            _log.warning("a receipt was not kept", line=self._line.code, error=type(error).__name__)
            await self._write(DeliverSmResp(command_status=SmppCommandStatus.ESME_RX_T_APPN), sequence)
            return
        await self._write(DeliverSmResp(), sequence)

    def _end(self, reason: str) -> None:
        if self.over:
            return
        self.over = reason
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError())
        self.drop()

    # --- octets ----------------------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        return self._sequence

    async def _write(self, message: SmppMessage, sequence: int) -> None:
        message.sequence_num = sequence
        self._writer.write(message.pdu())
        async with asyncio.timeout(self._answer):
            await self._writer.drain()

    async def _read(self) -> tuple[int, int, int, bytes]:
        return await self._rest(await self._reader.readexactly(_HEADER.size))

    async def _rest(self, head: bytes) -> tuple[int, int, int, bytes]:
        """Command, status, sequence number and body. Raises ValueError for what is no PDU."""
        length, command, status, sequence = _HEADER.unpack(head)
        if not _HEADER.size <= length <= _LONGEST_PDU:
            raise ValueError(f"a PDU of {length} octets")
        async with asyncio.timeout(self._answer):
            return command, status, sequence, await self._reader.readexactly(length - _HEADER.size)

    async def close(self) -> None:
        """Unbind (SMPP 4.2) and hang up; who is not answered by now never will be."""
        if not self.over:
            with suppress(OSError, TimeoutError):
                await self._write(Unbind(), self._next())
        self._end("closed")

    def drop(self) -> None:
        """Hang up."""
        self._writer.close()


def _context(line: Line) -> ssl.SSLContext | None:
    """TLS with the centre's certificate checked, by ``tls_ca`` if there is one. Raises ValueError, ssl.SSLError."""
    return ssl.create_default_context(cadata=line.tls_ca or None) if line.tls else None


def _is_gsm(text: str) -> bool:
    """Whether every character is one septet of GSM 03.38; those that need two (€, [, ]) go as UCS2, so that a segment cannot overflow."""
    return GSM7BitCodec.is_gsm_text(text) and not any(letter in GSM_EXTENDED_ENCODE_MAP for letter in text)


def status_name(status: int) -> str:
    """The centre's word for a status (SMPP 5.1.3), or its number."""
    try:
        return str(SmppCommandStatus(status).name)
    except ValueError:
        return f"0x{status:08x}"


def _answer(status: int, body: bytes) -> Answer:
    if not status:
        return Answer(outcome="accepted", id=body.split(b"\0", 1)[0].decode("ascii", "replace")[:65])
    name = status_name(status)
    if status in _THROTTLED:
        return Answer(outcome="throttled", reason=name)
    return Answer(outcome="later" if status in _LATER else "refused", reason=name)


def receipt_of(body: bytes) -> Receipt | None:
    """The receipt in a deliver_sm (SMPP 4.6.1 and appendix B), as leniently as centres differ; None when it is none."""
    try:
        at = body.index(b"\0") + 1
        for _ in range(2):
            at = body.index(b"\0", at + 2) + 1
        esm_class = body[at]
        at += 3
        for _ in range(2):
            at = body.index(b"\0", at) + 1
        length = body[at + 4]
        said, options = body[at + 5 : at + 5 + length], _options(body[at + 5 + length :])
    except (ValueError, IndexError):
        return None
    if esm_class & 0x3C != _RECEIPT:
        return None
    text = (said or options.get(_PAYLOAD, b"")).decode("latin-1")
    fields = {name.lower(): value for name, value in _FIELD.findall(text)}
    id = options.get(_TAKEN_ID, b"").rstrip(b"\0").decode("ascii", "replace") or fields.get("id", "")
    state = _STATES.get(int.from_bytes(options.get(_MESSAGE_STATE, b""), "big"), "") or fields.get("stat", "UNKNOWN").upper()
    return Receipt(id=id[:65], state=state[:16], error=fields.get("err", "")[:16])


def _options(octets: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(octets):
        tag, length = struct.unpack_from("!HH", octets, at)
        found[tag] = octets[at + 4 : at + 4 + length]
        at += 4 + length
    return found
