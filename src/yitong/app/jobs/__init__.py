"""What the worker does, one job a module: the ledger, personal values, published configuration, customers, tidying."""
