"""A simulated switch, callers and agents on a virtual clock: for tests, what-if and load. Everything here is deterministic."""
