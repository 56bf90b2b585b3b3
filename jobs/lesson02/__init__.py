"""Lesson 2: how Kafka is built, looked at from outside and from Spark."""
