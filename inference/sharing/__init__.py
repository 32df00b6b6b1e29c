"""Traces that leave the site and come back: documents to download, open without a worker, show in a lesson, compare."""
