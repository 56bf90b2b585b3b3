"""A student's commands on a cluster: submit, check, fetch, look, stop."""
