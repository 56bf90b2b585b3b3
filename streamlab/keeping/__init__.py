"""Snapshots of a stack's data, and restoring them."""
