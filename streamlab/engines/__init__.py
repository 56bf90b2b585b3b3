"""Docker Engines: connections to them, their containers and volumes."""
