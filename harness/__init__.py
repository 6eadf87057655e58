"""Faults, kills and hostile files, thrown at the real command line."""
