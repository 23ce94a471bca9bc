"""``make messages``: writes docs/messages.md."""

from pathlib import Path

from yitong.app.messages_page import text

(Path(__file__).parents[1] / "docs" / "messages.md").write_text(text(), "utf-8")
