"""Simulated switch, callers and agents on a virtual clock: tests, what-if, load."""
