"""Clock, ids, money, scope, settings, database: no call-centre word in it."""
