"""Text messages, the connections that carry them, and the templates that agents choose from."""
