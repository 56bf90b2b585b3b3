"""Names of what the lesson keeps, shared by its preparation and its check."""

#: The topics that `windows` answers into.
ANSWERS = ("tumbling", "sliding", "late", "joined")

#: The mistake that leaves files, or none.
PROCESSING_TIME = "processing-time"
