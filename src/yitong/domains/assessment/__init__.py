"""Assessment of agents by their recordings: score sheets, marks, comments at places of the recording, the agent's answer."""
