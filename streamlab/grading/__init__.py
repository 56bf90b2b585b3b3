"""Hand-ins of exercises: given in on the edge node, collected, graded on clean stacks, and put into a gradebook."""
