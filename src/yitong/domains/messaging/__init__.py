"""Outgoing text messages (SMS): who asks for one, the outbox, the connections to the operators' centres (SMPP 3.4)."""
