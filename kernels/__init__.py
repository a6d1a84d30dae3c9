"""Compiled kernels: plain arrays in, plain arrays out. They need numpy and numba only and trust their input."""
