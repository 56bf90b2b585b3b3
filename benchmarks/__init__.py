"""Every claim about speed or size, measured: ours and its baseline in turns, in one run."""
