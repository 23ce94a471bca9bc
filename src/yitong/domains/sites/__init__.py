"""Tenants and their sites."""
