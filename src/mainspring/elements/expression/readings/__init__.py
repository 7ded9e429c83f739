"""What each of the four readings of an operation may use, one module a reading.

`types` checks operands and notes faults, `columns` offers Polars, `rows` writes the statements of a
function of one row, `notation` puts operands into brackets.  None of them knows an operation: a
node is handed a reading with its operands read already, and answers for itself alone.
"""
