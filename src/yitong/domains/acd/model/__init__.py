"""Agents, queues, who waits and who serves whom: values, state tables, and the model that facts change."""
