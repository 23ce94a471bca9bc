"""Recordings: where they are, what they hold, who may hear them."""
