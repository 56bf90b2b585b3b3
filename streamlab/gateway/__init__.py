"""What students reach from outside: login, pages and cards of a class; one gateway for each Docker host."""
