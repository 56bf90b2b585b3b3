def run(spark, settings):
    spark.read.format("org.apache.spark.sql.cassandra").options(keyspace="stands", table="orders").load().show()
