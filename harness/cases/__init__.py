"""The cases of bad input and bad luck, one theme a file."""
