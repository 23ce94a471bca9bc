"""Mailboxes as configured, and what is in them."""
