"""Lesson 8: a model trained in batch scores a live stream."""
