"""Computes what a plan assumes; touches no file and prints nothing."""
