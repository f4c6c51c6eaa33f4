"""Forecasts of elective waiting lists: who will be waiting how long, and what it takes."""

__version__ = "0.1.0"
