"""What stands in PostgreSQL of mails, and their files."""
