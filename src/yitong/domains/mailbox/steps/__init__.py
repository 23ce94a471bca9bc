"""What flows may do with mailboxes: leave a message, listen to what was left."""
