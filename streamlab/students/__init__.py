"""Who there is: the class as its inventory says it, every student's nodes and addresses, and what is done for each."""
