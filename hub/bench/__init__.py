"""Measurements: what `hub bench` times, always as ratios of one run."""
