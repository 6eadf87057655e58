"""Nouns and rules that every floor stands on; numpy and torch only."""
