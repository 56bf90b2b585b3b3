"""What a student does on a cluster: submit, check, fetch, look, stop."""
