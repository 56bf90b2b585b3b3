"""Lesson 3: reading Kafka and files in a stream."""
