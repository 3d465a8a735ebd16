"""Readers of vendor files, one per format; `market.importer` recognises the format and files the result."""
