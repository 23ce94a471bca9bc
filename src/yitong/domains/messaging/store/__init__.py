"""The only SQL of text messages."""
