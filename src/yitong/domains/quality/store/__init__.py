"""Contacts as people look at them, recordings as people and workers handle them, and the files themselves."""
