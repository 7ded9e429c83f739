"""The reading that writes an operation as users do: `col("dep_delay").clip(-30, 240)`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

__all__ = ["Written", "render_constant", "render_text"]


@dataclass(frozen=True)
class Written:
    """An expression as written, and what holds it together.

    Args:
        bound_by: a `call` or name needs no brackets; an `infix` operator needs them as an operand;
            a `sign` in front needs them where a method follows.
    """

    text: str
    bound_by: OneOf["call", "infix", "sign"] = "call"

    @property
    def operand(self) -> str:
        """The text between operators."""
        return f"({self.text})" if self.bound_by == "infix" else self.text

    @property
    def receiver(self) -> str:
        """The text before a method, in brackets where Python would read a sign last."""
        return self.text if self.bound_by == "call" else f"({self.text})"

    def method(self, name: str, *arguments: object) -> "Written":
        """A method called on this, with constants or other expressions as its arguments.

        >>> Written('col("x")').method("clip", -30, None).text
        'col("x").clip(-30, none)'
        """
        written = ", ".join(
            argument.text if isinstance(argument, Written) else render_constant(argument)
            for argument in arguments
        )
        return Written(f"{self.receiver}.{name}({written})")


def render_constant(value: object) -> str:
    """A constant as plans show it: text bare, nothing as `none`.

    >>> render_constant((True, "a", 1.5))
    '[true, a, 1.5]'
    """
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Sequence():
            return f"[{', '.join(map(render_constant, value))}]"
        case _:
            return str(value)


def render_text(text: str) -> str:
    """A text in quotation marks."""
    return json.dumps(text, ensure_ascii=False)
