"""Measurements of the identity engine: published data, other corruptions of it, and training of weights.

What a published set is and how it is linked: `febrl`; how its weights were made: `febrl_weights`; other errors in the
same originals: `corrupt`, whether they are alike: `profile`, and whether the weights hold on them: `seeds`; weights for
a city's own register: `training`.
"""
