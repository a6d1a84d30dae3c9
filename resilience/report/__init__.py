"""The report of a run: one page that opens without a network, for those who decide and those who check."""

from resilience.report.home import told_home

with told_home():
    from resilience.report.page import write_report

__all__ = ["write_report"]
