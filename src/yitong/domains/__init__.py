"""What a contact centre does: one folder a subject; a domain knows another only by its messages."""
