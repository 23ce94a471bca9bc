"""How text messages leave."""
