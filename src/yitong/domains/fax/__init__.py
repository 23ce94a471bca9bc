"""Faxes: documents that callers may have sent to their machine, and those that come in."""
