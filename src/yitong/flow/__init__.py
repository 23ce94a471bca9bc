"""Runs one published flow for one contact: definition, checker, session, step, runner."""
