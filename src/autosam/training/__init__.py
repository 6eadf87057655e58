"""Training of g and h through a frozen SAM."""
