"""Snapshots of a stack's data, restoring them, and moving a stack by one."""
