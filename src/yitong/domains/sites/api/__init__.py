"""Configuration over HTTP: one set of routes per kind, users, prompts, flows, the audit log, and what the public may know."""
