"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

PASSENGERS_FILE = "passengers.csv"
CLASSES_FILE = "classes.csv"

#: Queries. A memory sink's query gives its table the name, so those two are written as SQL takes them.
DEMO = "titanic-demo"
ENRICH = "titanic-enrich"
FILES = "titanic-files"
WINDOW = "titanic_window"
AGG = "titanic_agg"

#: Below out/: the file sink's folder, and what the chart shows as numbers and as a picture.
ENRICHED = "enriched"
WINDOWS = "windows.json"
BANDS = "age_bands.json"
CHART = "age_bands.png"
