"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

TRAINING_FILE = "people_with_salary.csv"
METRICS = "metrics.json"
MODEL = "salary"
QUERY = "l08-score"
