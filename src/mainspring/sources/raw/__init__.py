"""The raw log of a source: rows as they came, in the order in which they came.

It is the one truth of a source.  Facts and quarantine are computed from it by a generation, so an
edit of the declaration decides on the same rows again.  What a row means belongs to `sources`; this
package keeps it.
"""
