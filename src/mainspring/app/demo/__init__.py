"""The demo: from raw data to monitored production on real flights, with crashes, leaks and faults
caused on purpose.

Each step is a module in `acts`: it runs commands, prints their output, and checks what it claims;
a claim that does not hold ends the demo with an error.  Commands are the ones that a user types,
run in their own processes.  `DemoOutput` prints, `Shell` starts and kills processes.
"""

from mainspring.app.demo.run import run_demo

__all__ = ["run_demo"]
