"""Exercise of lesson 1: measurements arrive as CSV files; some go to parquet files, all of them into memory.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

#: The columns of a measurement.
MEASUREMENT = "letter string, a int, b double, c double, d double"


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The folder settings.input("files") as a stream of CSV files with the columns of MEASUREMENT.

    The first line of each file is a header. A batch takes one file. Return what csv() or load() gives.
    """
    # BEGIN SOLUTION
    return (
        spark.readStream.schema(MEASUREMENT)
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input("files"))
    )
    # END SOLUTION


def mark(measurements: DataFrame) -> DataFrame:
    """Gap 2. The five columns of each measurement, and after them three more.

    file: the name of the file that it came in, such as measurements-01.csv (see _metadata.file_name).
    even: a boolean, true where a is even.
    note: "jubilee" where a can be divided by 10, else an empty text.
    """
    # BEGIN SOLUTION
    return measurements.select(
        "*",
        F.col("_metadata.file_name").alias("file"),
        (F.col("a") % 2 == 0).alias("even"),
        F.when(F.col("a") % 10 == 0, "jubilee").otherwise("").alias("note"),
    )
    # END SOLUTION


def to_files(marked: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 3. The measurements whose `even` is true, all eight columns, as parquet files in settings.output("even").

    Name the query l01-even and give it the checkpoint settings.checkpoint("l01-even"). It reads what is there and
    ends: trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    return (
        marked.where("even")
        .writeStream.queryName("l01-even")
        .format("parquet")
        .option("path", settings.output("even"))
        .option("checkpointLocation", settings.checkpoint("l01-even"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def to_memory(marked: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 4. All measurements, all eight columns, in a memory table that SQL can read as l01_marked.

    The checkpoint is settings.checkpoint("l01_marked"). The query ends as the one before does; return it.
    """
    # BEGIN SOLUTION
    return (
        marked.writeStream.queryName("l01_marked")
        .format("memory")
        .option("checkpointLocation", settings.checkpoint("l01_marked"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def rows_of_batches(query: StreamingQuery) -> list[int]:
    """Gap 5. How many rows each batch of the query has read, as a list of numbers in the order of the batches.

    The query has ended; what it did is still in its progress.
    """
    # BEGIN SOLUTION
    return [progress["numInputRows"] for progress in query.recentProgress]
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    measurements = gaps.frame(1, read, spark, settings)
    marked = gaps.frame(2, mark, measurements)
    gaps.query(3, to_files, marked, settings)

    def in_memory() -> list[dict[str, object]]:
        return [row.asDict() for row in spark.table("l01_marked").collect()]

    query = gaps.query(4, to_memory, marked, settings, look=in_memory)
    gaps.value(5, rows_of_batches, query)
    return gaps.outcome()
