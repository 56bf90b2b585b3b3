"""Tables of scripts that are handed to spark-submit as any book has them."""

from __future__ import annotations

from terminal import Terminal

HIVE = """
import sys

from pyspark.sql import SparkSession

name = sys.argv[1]
spark = SparkSession.builder.appName("hive-job").enableHiveSupport().getOrCreate()
spark.sql(f"CREATE DATABASE IF NOT EXISTS {name}")
spark.sql(f"CREATE TABLE IF NOT EXISTS {name}.numbers (n INT) USING parquet")
spark.sql(f"INSERT OVERWRITE {name}.numbers VALUES (1), (2), (3)")
print("rows in numbers:", spark.table(f"{name}.numbers").count())
spark.stop()
"""
PLAIN = """
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("save-table").getOrCreate()
spark.range(10).write.mode("overwrite").saveAsTable(sys.argv[1])
print("rows in my table:", spark.table(sys.argv[1]).count())
spark.stop()
"""


def test_scripts_that_make_tables_can_be_run_twice(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    terminal.write("hive_job.py", HIVE)
    terminal.write("save_table.py", PLAIN)
    for master in ("local[2]", "yarn"):
        said = terminal.run(f"spark-submit --master '{master}' hive_job.py {name} 2>hive.log", seconds=120)
        assert "rows in numbers: 3" in said.splitlines()
        said = terminal.run(f"spark-submit --master '{master}' save_table.py {name} 2>plain.log", seconds=120)
        assert "rows in my table: 10" in said.splitlines()
    terminal.run(f"spark-submit --deploy-mode cluster hive_job.py {name} 2>cluster.log", seconds=120)
    terminal.run(f"spark-submit --deploy-mode cluster save_table.py {name} 2>>cluster.log", seconds=120)
    query = f"SELECT sum(n) FROM {name}.numbers; SELECT sum(id) FROM {name}"
    seen = terminal.run(f"spark-sql --master 'local[1]' -e '{query}' 2>/dev/null", seconds=90)
    assert seen.splitlines()[-2:] == [str(1 + 2 + 3), str(sum(range(10)))]
    dropping = f"DROP DATABASE {name} CASCADE; DROP TABLE {name}"
    terminal.run(f"spark-sql --master 'local[1]' -e '{dropping}' 2>/dev/null", seconds=90)
