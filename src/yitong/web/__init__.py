"""HTTP API and live desks over WebSocket."""
