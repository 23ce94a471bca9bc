"""What can be said of a mail without waiting: its parts, its kind, its conversation, how it is shown and how it is answered."""
