"""Customers, found by the number that calls."""
