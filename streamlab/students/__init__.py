"""The class as described in its inventory: every student's settings, nodes and addresses."""
