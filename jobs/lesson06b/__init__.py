"""Lesson 6b: the views of lesson 6 in HBase, beside Cassandra."""
