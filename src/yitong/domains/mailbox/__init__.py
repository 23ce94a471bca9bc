"""Voice mailboxes: callers leave messages, whoever may open the mailbox hears them at the desk, by telephone or as e-mail."""
