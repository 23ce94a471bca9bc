"""Composition root: settings, command line, process supervisor. Knows all parts, is known by none."""
