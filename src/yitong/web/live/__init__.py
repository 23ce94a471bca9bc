"""Live documents over WebSocket: a snapshot, then every change in order, resumed by (epoch, seq)."""
