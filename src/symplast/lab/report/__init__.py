"""The report: a static site that opens from disk, needs no network and no script."""

from symplast.lab.report.site import write_report

__all__ = ["write_report"]
