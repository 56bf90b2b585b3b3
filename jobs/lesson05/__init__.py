"""Lesson 5: streams with state: duplicates, windows, late data, joins."""
