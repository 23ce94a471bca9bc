"""State machines as tables, and their pictures (``docs/states/``)."""

from __future__ import annotations

from collections.abc import Mapping


class WrongState(Exception):
    """The table has no way from this state by this event."""


class Table:
    """``rows`` maps (state, event) to the next state; "" is the state before birth and after death."""

    def __init__(self, name: str, rows: Mapping[tuple[str, str], str]) -> None:
        self.name = name
        self.rows = dict(rows)

    def next(self, state: str, event: str) -> str:
        """The state after ``event``. Raises WrongState when the table does not allow it."""
        try:
            return self.rows[state, event]
        except KeyError:
            raise WrongState(f"{self.name}: {event} in {state or 'nothing'}") from None

    def allows(self, state: str, event: str) -> bool:
        return (state, event) in self.rows

    def picture(self, source: str) -> str:
        """A page with a Mermaid state diagram of the table; ``source`` names the file that holds it."""
        lines = [f"# {self.name}", "", f"Drawn from the table in `{source}`; a test compares.", "", "```mermaid", "stateDiagram-v2"]
        for (state, event), after in self.rows.items():
            lines.append(f"    {state or '[*]'} --> {after or '[*]'}: {event}")
        return "\n".join([*lines, "```", ""])
