"""A stack's data, taken along and brought back."""
