"""Lesson 4: one stream, five sinks, and what each of them promises."""
