"""What decides that a talk is recorded: the rule of its queue or outside class, on demand, and when nothing may be recorded."""
