"""Online rows in Redis or Valkey: state that many servers on many machines read.

The client (`redis`, with `hiredis` to parse answers) comes with the extra `redis`.  Import the
store from its module: this package loads nothing.
"""

__all__: list[str] = []
