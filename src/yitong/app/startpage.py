"""What an operator sees when everything runs."""

from __future__ import annotations

from yitong.kit.settings import Settings

_WIDTH = 72


def text(settings: Settings, *, first: bool, seconds: float) -> str:
    """The page; the demo password is on it only when it was made or set in this run (``first``)."""
    scheme = "https" if settings.tls else "http"
    host = settings.public_address or settings.bind
    host = f"[{host}]" if ":" in host else host
    site = f"{scheme}://{host}:{settings.http_port}"
    password = settings.demo_password if first else "as printed at the first start"
    lines = [
        f"Yitong 一通 runs ({seconds:.1f} s). Ctrl-C stops it.",
        "",
        f"  Agent desk      {site}/",
        f"  Customer page   {site}/call",
        f"  API             {site}/api/v1/openapi.json    health: {site}/healthz",
        f"  Hotline         96900  at  sip:96900@{host}:{settings.sip_port} (UDP, TCP)",
        "",
        "  Agents 1001 to 1004, supervisor 1100, administrator admin",
        f"  Password        {password}",
        "",
        f"  Data            {settings.home}",
    ]
    return "\n".join(["─" * _WIDTH, *lines, "─" * _WIDTH])
