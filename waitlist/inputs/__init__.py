"""Reads what you put in, and checks it."""
