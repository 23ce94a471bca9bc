"""How satisfied the caller was, asked after the agent hung up."""
