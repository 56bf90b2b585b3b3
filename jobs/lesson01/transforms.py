"""What happens to numbers and measurements between their sources and their sinks."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, IntegerType, StringType, StructField, StructType

from lesson01.data import JUBILEE

#: A line of a CSV file. Spark infers no schema for a stream of files: the folder may be empty when it starts.
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
    """Each number with `even`, a boolean, and a note on round ones.

    "true" as text would do where it is compared (`even = true`); as a condition by itself Spark refuses it.
    """
    note = F.when(F.col("value") % JUBILEE == 0, "jubilee").otherwise("")
    return numbers.withColumns({"even": F.col("value") % 2 == 0, "note": note})


def evens(marked_numbers: DataFrame) -> DataFrame:
    return marked_numbers.where("even")


def with_file(measurements: DataFrame) -> DataFrame:
    """Each measurement with the name of its file: `_metadata` is a hidden column of what is read from files."""
    return measurements.select("*", F.col("_metadata.file_name").alias("file"))
