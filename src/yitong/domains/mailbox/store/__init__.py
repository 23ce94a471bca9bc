"""Messages in PostgreSQL: as people may look at them, and as the worker's jobs need them."""
