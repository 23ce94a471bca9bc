"""The fax mailbox (``mailbox``), what is uploaded and sent (``sendings``), and the worker's side of sendings (``work``)."""
