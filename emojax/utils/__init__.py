"""What every program needs of the machine.

The command line, files, downloads, the compiler, progress bars. Knows nothing of
pictures or ratings.

May import: version.
"""
