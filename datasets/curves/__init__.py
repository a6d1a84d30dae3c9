"""Curve tables, one file per source; SOURCES.toml says where the figures come from."""
