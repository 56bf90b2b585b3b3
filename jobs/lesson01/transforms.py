"""What happens to numbers and measurements between their sources and their sinks."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, IntegerType, StringType, StructField, StructType

from lesson01.data import JUBILEE

#: A line of a CSV file. A file stream is never guessed a schema for: its folder may be empty when it starts.
MEASUREMENT = StructType(
    [
        StructField("letter", StringType()),
        StructField("a", IntegerType()),
        StructField("b", DoubleType()),
        StructField("c", DoubleType()),
        StructField("d", DoubleType()),
    ]
)


def marked(numbers: DataFrame) -> DataFrame:
    """Each number with `even`, a real boolean ("true" as text is true in no condition), and a note on round ones."""
    note = F.when(F.col("value") % JUBILEE == 0, "jubilee").otherwise("")
    return numbers.withColumns({"even": F.col("value") % 2 == 0, "note": note})


def evens(marked_numbers: DataFrame) -> DataFrame:
    return marked_numbers.where("even")


def with_file(measurements: DataFrame) -> DataFrame:
    """Each measurement with the name of the file it came in; only a frame read from files knows that."""
    return measurements.select("*", F.col("_metadata.file_name").alias("file"))
