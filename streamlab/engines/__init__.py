"""Docker Engines: the way to each, its containers and volumes."""
