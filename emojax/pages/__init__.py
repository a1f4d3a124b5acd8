"""Tables, figures and pictures to one HTML page that loads nothing.

Knows no run and no dataset.

May import: utils.
"""
