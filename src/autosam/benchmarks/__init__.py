"""Public benchmarks as data: official layouts, splits and protocols, and what scores a method on them."""
