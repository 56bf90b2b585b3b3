"""Lesson 1: sources and sinks to test with, and files that arrive one by one."""
