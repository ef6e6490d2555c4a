"""Ieum Hub: one register of need shared by many agencies, fed by events, kept as evidence."""

__version__ = "0.4.0"
