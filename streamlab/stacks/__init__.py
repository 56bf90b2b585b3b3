"""Students' clusters: created, proved, inspected, suspended and destroyed."""
