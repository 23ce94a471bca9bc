"""Assessments in PostgreSQL: made and changed, and as people may look at them."""
