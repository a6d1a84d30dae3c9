"""The laws of repair times by number, and the longest time; nothing is compiled for these."""

from __future__ import annotations

# Parameters (first, second), times in hours: FIXED (value, -), UNIFORM (low, high), EXPONENTIAL (mean, -),
# LOGNORMAL (median, standard deviation of the logarithm), NORMAL (mean and standard deviation before cutting at 0).
FIXED, UNIFORM, EXPONENTIAL, LOGNORMAL, NORMAL = range(5)

SECONDS_PER_HOUR = 3600.0
# Eleven centuries. A hundred thousand such jobs one after the other, in thousandths of a second, still fit an int64.
LONGEST_HOURS = 1.0e7
