"""Repair times as CSV, with their sources in SOURCES.toml."""
