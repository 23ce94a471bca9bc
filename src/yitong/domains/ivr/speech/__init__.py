"""Speech engines behind the flow's «say»: text to 8 kHz audio, rendered when a flow is published, cached as files."""
