"""Lesson 6: Cassandra beside Spark, and the layers of a lambda architecture."""
