"""Customers' cards in PostgreSQL."""
