"""Names of what the lesson keeps, shared by its steps, its preparation, its check and its reset."""

ORDERS = "orders"
WINES_FILE = "wines.csv"
DATABASE = "shop"
MODEL = "wines"
METRICS = "metrics.json"
#: Test wines with the model's score, and wines whose type nobody noted: what the check measures by itself.
SCORED = "scored"
UNLABELED = "unlabeled"
FINITE = "l07-finite"
INFINITE = "l07-infinite"

#: Every table that the step `sql` makes, and no other.
TABLES = ("sales", "sales_by_city", "user_totals", "users", "users_known", "users_unknown")
#: Users' files are not the metastore's: dropping that table leaves them.
EXTERNAL = "users"
