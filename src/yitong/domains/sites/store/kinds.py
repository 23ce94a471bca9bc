"""Every kind of configuration: its fields (docs/interfaces.md) and the columns that keep them. All go through ``kit/records.py``."""

from __future__ import annotations

from collections.abc import Sequence

from yitong.kit.records import Field, Kind, Part


def _fields(*names: str, json: Sequence[str] = (), optional: Sequence[str] = (), secret: Sequence[str] = ()) -> tuple[Field, ...]:
    """``name`` or ``name=column``."""
    pairs = [(name.partition("=")[0], name.partition("=")[2] or name) for name in names]
    return tuple(Field(name, column, name in json, name in optional, name in secret) for name, column in pairs)


TENANT = Kind(
    name="tenant", table="tenants", tenant_column="id",
    fields=_fields("code", "name", "zone", "language", "currency", "country", json=["name"]),
)  # fmt: skip
SITE = Kind(name="site", table="sites", fields=_fields("code", "name", "zone", "address", json=["name"]))
ROLE = Kind(
    name="role", table="roles", fields=_fields("code", "name", json=["name"]),
    parts=(Part(name="rights", table="role_rights", owner="role_id", columns=(("right", "right_code"),), bare=True),),
)  # fmt: skip
USER = Kind(
    name="user", table="users", code="username",
    fields=_fields("username", "name", "language", "site=site_id", "active", json=["name"], optional=["site"]),
    parts=(Part(name="roles", table="user_roles", owner="user_id", columns=(("role", "role_id"),), bare=True),),
)  # fmt: skip
TEAM = Kind(
    name="team", table="teams", fields=_fields("code", "name", "site=site_id", json=["name"]),
    parts=(Part(name="supervisors", table="team_supervisors", owner="team_id", columns=(("user", "user_id"),), bare=True),),
)  # fmt: skip
SKILL = Kind(name="skill", table="skills", fields=_fields("code", "name", json=["name"]))
AGENT = Kind(
    name="agent", table="agents", code="extension",
    fields=_fields(
        "user=user_id", "extension", "name", "team=team_id", "site=site_id", "language", "capacity", "may_call",
        json=["name", "capacity", "may_call"],
    ),
    parts=(
        Part(name="skills", table="agent_skills", owner="agent_id", columns=(("skill", "skill_id"), ("level", "level")), mapping=True),
    ),
)  # fmt: skip
QUEUE = Kind(
    name="queue", table="queues",
    fields=_fields(
        "code", "name", "site=site_id", "strategy", "objective", "music", "announce", "ring_seconds", "wrap_up_seconds",
        "maximum_wait_seconds", "maximum_waiting", "priority", "refuse_when_empty", "misses_allowed", "rest_seconds", "recording",
        json=["name", "objective", "announce", "recording"],
    ),
    parts=(
        Part(name="requirement", table="queue_requirements", owner="queue_id", columns=(("skill", "skill_id"), ("level", "level"))),
        Part(name="members", table="queue_members", owner="queue_id", columns=(("agent", "agent_id"), ("order", "place")), place="place"),
        Part(
            name="wrap_up_codes", table="queue_wrap_up_codes", owner="queue_id", columns=(("code", "code_id"),), bare=True, place="place"
        ),
    ),
)  # fmt: skip
FLOW = Kind(
    name="flow", table="flows",
    fields=_fields("code", "name", "site=site_id", "draft", "published_version", json=["name", "draft"], optional=["site"]),
)  # fmt: skip
NUMBER = Kind(
    name="number", table="numbers", code="number",
    fields=_fields(
        "number", "name", "trunk=trunk_id", "calling", "flow=flow_id", "site=site_id", "language", "web", json=["name"], optional=["trunk"]
    ),
)  # fmt: skip
ACCOUNT = Kind(
    name="account", table="sip_accounts", code="username",
    fields=_fields(
        "username", "realm", "ha1_md5", "ha1_sha256", "agent=agent_id", "kind", "site=site_id", "extension", "srtp",
        optional=["agent"], secret=["ha1_md5", "ha1_sha256"],
    ),
)  # fmt: skip
TRUNK = Kind(
    name="trunk", table="trunks",
    fields=_fields(
        "code", "name", "site=site_id", "addresses", "numbers", "enabled", "host", "port", "transport", "tls_ca", "srtp", "domain",
        "username", "auth_user", "password", "realm", "register=registers", "register_seconds", "order=place", "weight", "prefixes",
        "rewrite_called", "rewrite_calling", "caller_id", "caller_number", "channels", "codecs", "link", "distant",
        json=["name", "addresses", "numbers", "prefixes", "rewrite_called", "rewrite_calling", "codecs", "distant"], secret=["password"],
    ),
)  # fmt: skip
NUMBER_CLASS = Kind(
    name="number_class", table="number_classes",
    fields=_fields("code", "name", "patterns", "recording", json=["name", "patterns", "recording"]),
)  # fmt: skip
CALLER_RULE = Kind(
    name="caller_rule", table="caller_rules",
    fields=_fields(
        "code", "name", "order=place", "enabled", "patterns", "withheld", "numbers", "hours", "action", "flow=flow_id", "priority",
        json=["name", "patterns", "numbers", "hours"], optional=["flow"],
    ),
)  # fmt: skip
PROMPT = Kind(name="prompt", table="prompts", fields=_fields("code", "language", "file", "text", "voice", "licence", "milliseconds"))
FAX_DOCUMENT = Kind(name="fax_document", table="fax_documents", fields=_fields("code", "name", "file", "pages", json=["name"]))
MAILBOX = Kind(
    name="mailbox", table="mailboxes",
    fields=_fields(
        "code", "name", "site=site_id", "number", "queue=queue_id", "numbers", "greeting", "longest_seconds", "shortest_seconds",
        "silence_seconds", "pin", "email", "keep_days", "notify_number", "notify_hours", "notify_minutes", "notify_times",
        json=["name", "numbers", "notify_hours"], optional=["queue"], secret=["pin"],
    ),
    parts=(
        Part(name="owners", table="mailbox_owners", owner="mailbox_id", columns=(("agent", "agent_id"),), bare=True, place="place"),
    ),
)  # fmt: skip
MAIL_ACCOUNT = Kind(
    name="mail_account", table="mail_accounts", published=False,
    fields=_fields(
        "code", "name", "site=site_id", "queue=queue_id", "enabled", "address", "sender", "signature", "imap_host", "imap_port",
        "imap_security", "imap_username", "imap_password", "folder", "done_folder", "smtp_host", "smtp_port", "smtp_security",
        "smtp_username", "smtp_password", "tls_ca", "flood_per_hour", "keep_days", json=["name"], secret=["imap_password", "smtp_password"],
    ),
)  # fmt: skip
MAIL_TEMPLATE = Kind(
    name="mail_template", table="mail_templates", published=False, fields=_fields("code", "name", "texts", json=["name", "texts"])
)  # fmt: skip
CONFERENCE_ROOM = Kind(
    name="conference_room", table="conference_rooms",
    fields=_fields(
        "code", "name", "site=site_id", "number", "host_pin", "member_pin", "size", "enters", "may_ask", "wait_for_host", "entry_tone",
        "recorded", "music", "maximum_minutes", json=["name"], secret=["host_pin", "member_pin"],
    ),
)  # fmt: skip
TEXT_LINE = Kind(
    name="text_line", table="text_lines",
    fields=_fields(
        "code", "name", "enabled", "host", "port", "tls", "tls_ca", "system_id", "password", "system_type", "source", "source_ton",
        "source_npi", "dest_ton", "dest_npi", "alphabet", "classes", "per_second", "window=unanswered", "order=place",
        json=["name", "classes"], secret=["password"],
    ),
)  # fmt: skip
TEXT_TEMPLATE = Kind(name="text_template", table="text_templates", fields=_fields("code", "name", "texts", json=["name", "texts"]))
RETENTION = Kind(
    name="retention", table="retentions", published=False,
    fields=_fields("code", "name", "queue=queue_id", "days", json=["name"], optional=["queue"]),
)  # fmt: skip
SCORE_SHEET = Kind(
    name="score_sheet", table="score_sheets", published=False,
    fields=_fields("code", "name", "enabled", "pass_percent", "criteria", json=["name", "criteria"]),
)  # fmt: skip
REASON = Kind(name="reason", table="not_ready_reasons", fields=_fields("code", "name", json=["name"]))
WRAP_UP_CODE = Kind(name="wrap_up_code", table="wrap_up_codes", fields=_fields("code", "name", json=["name"]))

KINDS = {
    kind.name: kind
    for kind in (
        TENANT, SITE, ROLE, USER, TEAM, SKILL, AGENT, QUEUE, FLOW, NUMBER, ACCOUNT, TRUNK, PROMPT, FAX_DOCUMENT, REASON, WRAP_UP_CODE,
        NUMBER_CLASS,
        CALLER_RULE, RETENTION, CONFERENCE_ROOM, MAILBOX, MAIL_ACCOUNT, MAIL_TEMPLATE, TEXT_LINE, TEXT_TEMPLATE, SCORE_SHEET,
    )
}  # fmt: skip
