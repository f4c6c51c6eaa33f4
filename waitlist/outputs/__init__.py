"""Writes what you get; computes nothing new."""
