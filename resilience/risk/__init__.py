"""Risk: what a year takes, how often how much, which asset matters, and how sure each figure is.

Pure functions on labelled totals per event and sample; they neither draw hazards nor solve networks.
"""
