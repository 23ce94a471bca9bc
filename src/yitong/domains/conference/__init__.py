"""Conferences: rooms that people dial into or are called into; eight speakers, any number of listeners, and a host who leads."""
