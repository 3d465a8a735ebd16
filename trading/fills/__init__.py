"""The venue: what happens to our orders at the exchange (signals.md §13)."""
