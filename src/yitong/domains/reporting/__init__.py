"""Lists, counters, the live board: folds over the ledger."""
