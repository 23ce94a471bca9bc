"""The folds: how each fact changes the projections. Pure: rows and an event in, changed rows out; the same live and on rebuild."""
