"""Benchmarks: the same work, the same answer, side by side with other packages. Run ``python -m benchmarks``."""

import os

# One thread on every side. Must be said before numpy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
