"""RFC 3261 without sockets and clocks: transactions, dialogs, digest, offer/answer."""
