"""What is said to be fast, measured: both sides in one run, in turn, with the machine's state beside every ratio."""
