"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

HISTORY = "history"
SERVED = "served.json"
PUSHDOWN = "pushdown.json"

ORDERS = "l06-orders"
SPEED = "l06-speed"
