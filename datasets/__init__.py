"""What the project ships: curve tables with their sources, and a synthetic city."""
