"""Finds the records of an id in a log: runs of hashes that say at which offsets an id may lie.

A run is sorted and never changes; runs are merged geometrically, so an id is written about once for
each doubling of the log, whether ids are sequential or random.  What a run says is a guess: whoever
asks compares the ids at these offsets, and so two ids of one hash cost a look and no fault.
"""
