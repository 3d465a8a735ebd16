"""Instruments, calendar, event records, readers, the lake and the synthetic market."""
