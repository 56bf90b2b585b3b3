"""Lesson 9: the orders of lesson 5 in Flink: the same questions to another engine."""
