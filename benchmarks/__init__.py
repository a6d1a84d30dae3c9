"""Benchmarks: the same work, the same answer, side by side with other packages. Run ``python -m benchmarks``."""
