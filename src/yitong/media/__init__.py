"""RTP, SRTP, G.711, digits, tones and the mixing matrix as functions over arrays."""
