"""Students' clusters: made, proved, asked how they are, suspended and destroyed."""
