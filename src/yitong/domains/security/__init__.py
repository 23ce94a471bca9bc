"""Users, roles, rights, sign-in sessions, the audit log."""
