"""Signing in and out, and recognising who asks. Sessions end everywhere within 5 s (reliability W4)."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

import argon2
import structlog

from yitong.contact.bus import Refused
from yitong.domains.security import store
from yitong.domains.security.model import (
    MAXIMUM_PASSWORD,
    MINIMUM_PASSWORD,
    USED_WRITTEN_EVERY,
    Login,
    Session,
    acceptable_password,
    token_hash,
)
from yitong.domains.security.rules import Throttle
from yitong.kit.audit import audit
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.http import Caller
from yitong.kit.ids import Ids
from yitong.kit.tasks import Tasks

HASHING_AT_ONCE = 2
HASHING_WAITING = 30
FRESH = 2 * SECOND
CACHED = 5_000
LOCKED = "locked"
"""Why the live sockets of a locked desk end."""
_T = TypeVar("_T")
_log = structlog.get_logger("yitong.security")


class Passwords:
    """Argon2id in threads, a few at a time: a hash costs 0.2 s of a core and 64 MB (RFC 9106)."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turn = asyncio.Semaphore(HASHING_AT_ONCE)
        self._waiting = 0
        self._decoy = decoy(self._hasher)

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Refused (busy) when too many wait."""
        return await self._take_turn(lambda: self._hasher.hash(password))

    async def right(self, stored: str, password: str) -> bool:
        """Whether ``password`` belongs to ``stored``; an empty ``stored`` takes the same time and is never right."""
        return await self._take_turn(lambda: self._verify(stored or self._decoy, password)) and bool(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def _take_turn(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= HASHING_WAITING:
            raise Refused("busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def decoy(hasher: argon2.PasswordHasher) -> str:
    """What looks like a hash of ``hasher`` and costs as much to try, but belongs to no password.

    Of random bytes, not hashed: web must be back in a moment after a crash, and a hash takes 0.2 s.
    """
    salt, hashed = (b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v={argon2.low_level.ARGON2_VERSION}${cost}${salt}${hashed}"


class SignIn:
    """The door. ``tell_failed(username, source)`` lets the other web processes count a wrong try too."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        tasks: Tasks,
        passwords: Passwords,
        tell_failed: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._tasks = tasks
        self._passwords = passwords
        self._tell_failed = tell_failed
        self.throttle = Throttle()

    async def begin(self, tenant: str, username: str, password: str, *, source: str, agent_text: str) -> tuple[str, Session]:
        """Sign in; returns the token and its session. Raises Refused (wrong_credentials, too_many_attempts)."""
        username = username.strip().lower()
        now = self._clock.now()
        async with self._database.transaction() as connection:
            login = await store.find_login(connection, tenant, username)
            wait = self.throttle.wait(username, source, now)
            if wait and login is not None:
                wait = self.throttle.wait(username, source, now, known=await store.was_in_from(connection, login, source))
        if wait:
            raise Refused("too_many_attempts", retry_after=wait)
        if not await self._passwords.right(login.hash if login else "", password[:MAXIMUM_PASSWORD]) or login is None or not login.active:
            await self._refuse(login, username, source)
            raise Refused("wrong_credentials")
        self.throttle.succeeded(username, source)
        return await self._open(login, source, agent_text)

    async def change_password(self, caller: Caller, old: str, new: str) -> list[str]:
        """Replace the caller's own password and end all his sessions; returns their ids."""
        async with self._database.transaction() as connection:
            login = await store.login_of(connection, caller.scope)
        wait = self.throttle.wait(caller.username, caller.source, self._clock.now(), known=True)
        if wait:
            raise Refused("too_many_attempts", retry_after=wait)
        if login is None or not await self._passwords.right(login.hash, old[:MAXIMUM_PASSWORD]):
            await self._refuse(login, caller.username, caller.source)
            raise Refused("wrong_password")
        if not acceptable_password(new, old, caller.username):
            raise Refused("weak_password", minimum=MINIMUM_PASSWORD)
        hashed = await self._passwords.hash(new)
        async with self._database.transaction() as connection:
            await store.set_password(connection, caller.tenant, caller.user, hashed)
            ended = await store.end_sessions_of(connection, caller.tenant, caller.user, self._clock.now())
            await audit(
                connection, tenant=caller.tenant, actor=caller.user, action="password.changed", kind="user", object=caller.user,
                details={"source": caller.source}, at=self._clock.now(),
            )  # fmt: skip
        return ended

    async def lock(self, caller: Caller, password: str) -> None:
        """Lock the caller's session; ``password`` unlocks it as well as his own does, unless it is empty."""
        now, hashed = self._clock.now(), await self._passwords.hash(password[:MAXIMUM_PASSWORD]) if password else ""
        async with self._database.transaction() as connection:
            await store.lock_session(connection, caller.tenant, caller.session, now, hashed)
            await audit(
                connection, tenant=caller.tenant, at=now, actor=caller.user, action="desk.locked", kind="session", object=caller.session,
                details={"source": caller.source},
            )  # fmt: skip

    async def unlock(self, caller: Caller, password: str) -> None:
        """Unlock it. Wrong tries slow the next one as at the door. Raises Refused (wrong_unlock, too_many_attempts)."""
        async with self._database.transaction() as connection:
            login = await store.login_of(connection, caller.scope)
            own = await store.lock_hash(connection, caller.tenant, caller.session)
        wait = self.throttle.wait(caller.username, caller.source, self._clock.now(), known=True)
        if wait:
            raise Refused("too_many_attempts", retry_after=wait)
        given = password[:MAXIMUM_PASSWORD]
        right = own and await self._passwords.right(own, given)
        if not right and (login is None or not await self._passwords.right(login.hash, given)):
            await self._refuse(login, caller.username, caller.source)
            raise Refused("wrong_unlock")
        self.throttle.succeeded(caller.username, caller.source)
        async with self._database.transaction() as connection:
            await store.unlock_sessions(connection, caller.tenant, id=caller.session)
            await audit(
                connection, tenant=caller.tenant, at=self._clock.now(), actor=caller.user, action="desk.unlocked", kind="session",
                object=caller.session, details={"source": caller.source},
            )  # fmt: skip

    async def unlock_agent(self, caller: Caller, agent: str) -> list[str]:
        """A supervisor unlocks the desk of an agent of his. Raises Refused (not_found)."""
        async with self._database.transaction() as connection:
            user = await store.user_of_agent(connection, caller.scope, agent)
            if not user:
                raise Refused("not_found")
            sessions = await store.unlock_sessions(connection, caller.tenant, user=user)
            await audit(
                connection, tenant=caller.tenant, at=self._clock.now(), actor=caller.user, action="desk.unlocked", kind="agent",
                object=agent, details={"source": caller.source},
            )  # fmt: skip
        return sessions

    async def _open(self, login: Login, source: str, agent_text: str) -> tuple[str, Session]:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        async with self._database.transaction() as connection:
            session = await store.begin_session(
                connection, login, id=self._ids.new(now), hash=token_hash(token), now=now, source=source, agent_text=agent_text[:200]
            )
            await audit(
                connection, tenant=login.tenant, actor=login.user, action="session.began", kind="session", object=session.id,
                details={"source": source}, at=now,
            )  # fmt: skip
        return token, session

    async def _refuse(self, login: Login | None, username: str, source: str) -> None:
        """Count and record a wrong try; the record is written beside the answer, so that an unknown name takes the same time."""
        self.throttle.failed(username, source, self._clock.now())
        _log.warning("sign-in refused", username=username, source=source)
        self._tasks.start(self._record_refusal(login, username, source), "record of a refused sign-in")

    async def _record_refusal(self, login: Login | None, username: str, source: str) -> None:
        await self._tell_failed(username, source)
        if login is None:
            return
        try:
            async with self._database.transaction() as connection:
                await audit(
                    connection, tenant=login.tenant, actor=login.user, action="session.refused", kind="user", object=login.user,
                    details={"source": source}, at=self._clock.now(),
                )  # fmt: skip
        except OUTAGES as error:
            _log.error("refused sign-in not recorded", error=repr(error))


class Recognition:
    """Who asks: tokens to callers, kept for two seconds.

    When PostgreSQL is away, a caller known to this process stays known until the session's own limits: nobody can end a session
    meanwhile either, and agents must be able to go on serving (reliability D1). A token not seen before is refused.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[store.Found, int]] = OrderedDict()

    async def caller(self, token: str, source: str) -> Caller:
        """The caller with ``token``. Raises Refused (not_signed_in, session_ended) and what ``OUTAGES`` holds."""
        if not token:
            raise Refused("not_signed_in")
        found = await self._found(token_hash(token))
        if found is None:
            raise Refused("not_signed_in")
        if found.session.over(self._clock.now()):
            raise Refused("session_ended")
        return _caller(found, source)

    async def of_session(self, tenant: str, session: str, source: str) -> Caller:
        """The caller whose session that is, asked anew each time. Raises as ``caller``."""
        async with self._database.transaction() as connection:
            found = await store.find_session(connection, tenant, session)
        if found is None:
            raise Refused("not_signed_in")
        if found.session.over(self._clock.now()):
            raise Refused("session_ended")
        return _caller(found, source)

    def forget(self, sessions: list[str]) -> None:
        """These sessions ended: ask anew at once."""
        gone = set(sessions)
        for hash, (found, _) in list(self._known.items()):
            if found.session.id in gone:
                del self._known[hash]

    def forget_tenant(self, tenant: str) -> None:
        """Rights may have changed: ask anew at once."""
        for hash, (found, _) in list(self._known.items()):
            if found.session.tenant == tenant:
                del self._known[hash]

    async def _found(self, hash: bytes) -> store.Found | None:
        now = self._clock.now()
        kept = self._known.get(hash)
        if kept is not None and now - kept[1] < FRESH:
            return kept[0]
        try:
            found = await self._asked(hash, now)
        except OUTAGES:
            if kept is None:
                raise
            return kept[0]
        if found is None:
            self._known.pop(hash, None)
            return None
        self._known[hash] = (found, now)
        self._known.move_to_end(hash)
        while len(self._known) > CACHED:
            self._known.popitem(last=False)
        return found

    async def _asked(self, hash: bytes, now: int) -> store.Found | None:
        async with self._database.transaction() as connection:
            found = await store.find_caller(connection, hash)
            if found is not None and not found.session.over(now) and now - found.session.used_at >= USED_WRITTEN_EVERY:
                await store.mark_used(connection, found.session, now)
        return found


def _caller(found: store.Found, source: str) -> Caller:
    return Caller(
        session=found.session.id, user=found.session.user, username=found.username, tenant=found.session.tenant, site=found.site,
        scope=found.scope, agent=found.agent, extension=found.extension, team=found.team, roles=found.roles, language=found.language,
        source=source, expires_at=found.session.expires_at, locked=bool(found.session.locked_at),
    )  # fmt: skip


class SessionKeeper:
    """Ends sessions, and says so: their tokens, live sockets and page telephones end with them.

    ``tell_ended(sessions, reason)`` reaches every web process; ``end_phone(tenant, session)`` takes back the page's SIP credential.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        tell_ended: Callable[[list[str], str], Awaitable[None]],
        end_phone: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._tell_ended = tell_ended
        self._end_phone = end_phone

    async def sign_out(self, caller: Caller) -> None:
        """End the caller's own session."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await store.end_session(connection, caller.tenant, caller.session, now)
            await audit(
                connection, tenant=caller.tenant, at=now, actor=caller.user, action="session.ended", kind="session", object=caller.session,
                details={"source": caller.source},
            )  # fmt: skip
        await self.ended(caller.tenant, [caller.session], "signed_out")

    async def changed(self, sessions: list[str]) -> None:
        """These were locked or unlocked: every process asks anew, their live sockets close and come again; the telephones stay."""
        if sessions:
            await self._tell_ended(sessions, LOCKED)

    async def ended(self, tenant: str, sessions: list[str], reason: str) -> None:
        """These sessions were ended in a transaction that is committed: tell everybody."""
        for session in sessions:
            await self._end_phone(tenant, session)
        if sessions:
            await self._tell_ended(sessions, reason)

    async def over(self, sessions: dict[str, bool], limits: dict[str, int]) -> dict[str, str]:
        """Which of these open sockets' sessions are over, and why. An open desk (True) counts as use: it may wait long for a call.

        Without PostgreSQL only the absolute limit is known; nobody can end a session then either.
        """
        now = self._clock.now()
        found = {session: "expired" for session, limit in limits.items() if now >= limit}
        try:
            async with self._database.transaction() as connection:
                stored = await store.sessions_now(connection, list(sessions)) if sessions else {}
                for session in sessions:
                    reason = stored[session].over(now) if session in stored else "signed_out"
                    if reason or stored[session].locked_at:
                        found[session] = reason or LOCKED
                    elif sessions[session] and now - stored[session].used_at >= USED_WRITTEN_EVERY:
                        await store.mark_used(connection, stored[session], now)
        except OUTAGES:
            return found
        return found

    async def end_idle(self) -> None:
        """End what has been idle too long or reached its absolute limit."""
        async with self._database.transaction() as connection:
            idle = await store.end_overdue(connection, self._clock.now())
        for tenant, session in idle:
            await self.ended(tenant, [session], "idle")
