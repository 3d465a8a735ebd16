"""Nelogica's ProfitDLL: everything that knows its names."""
