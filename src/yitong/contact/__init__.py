"""One contact on any channel, from arrival to wrap-up: messages, journey, ledger, bus."""
