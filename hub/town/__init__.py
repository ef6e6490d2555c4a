"""The simulated town of `hub simulate`: households, their agencies' messages, and the truth to compare with.

Deterministic by seed, streamed, of any size. Nothing of the hub imports it, and no person in it exists.
"""
