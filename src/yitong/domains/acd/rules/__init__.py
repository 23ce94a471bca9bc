"""Decisions of the dispatcher as plain functions: who gets the next contact, how long a wait will be, when an objective is met."""
