"""Programs that keep the repository true: pins, generated pages, and the reading of the source tree
that its tests measure.

They know the repository's files and are not shipped with the package.
"""
