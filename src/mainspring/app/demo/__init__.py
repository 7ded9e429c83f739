"""The demo: the whole way that data takes, on real flights, with everything that may go wrong made
to go wrong.

Each act is a module that plays on the stage, checks what it claims and fails loudly otherwise;
nothing is shown that did not happen.  Commands are the ones that a user types, run in processes of
their own.  Printing is the stage's, starting and killing processes the shell's.
"""

from mainspring.app.demo.run import run_demo

__all__ = ["run_demo"]
