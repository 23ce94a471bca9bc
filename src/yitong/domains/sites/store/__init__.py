"""Configuration in PostgreSQL: what kinds there are, what of them is published to core and switch, and showing them to people."""
