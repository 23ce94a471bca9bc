"""Automatic call distribution: queues, agents, assignments, who gets the next contact."""
