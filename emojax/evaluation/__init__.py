"""How honest scores are made: folds, metrics, intervals, a run's results.

NumPy only, no device decides a printed number.

May import: pages.markdown, paper, utils, config.
"""
