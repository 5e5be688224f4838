"""The website: results become static pages."""

from benchmark.website.build import SiteSummary, build_site

__all__ = ["SiteSummary", "build_site"]
