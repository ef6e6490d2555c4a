"""Identity: which records are one person. Pure functions over claims, features and records; nothing is stored here.

Start reading at `identify`; `partition` holds the rule that makes arrival order irrelevant.
"""
