"""Small pieces of HTML for notebooks: what `_repr_html_` of plans, reports and frames is made of.

Every text is escaped, whoever chose it: a name in a table is never a tag of the page.  There is no
script, no style sheet and no id, so that a notebook can hold a hundred of them; equal records give
equal bytes.
"""

from collections.abc import Sequence
from html import escape

__all__ = ["html_page", "html_table", "html_text"]

_CELL = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"'
_NUMBER = 'style="text-align:right;vertical-align:top;padding:2px 12px 2px 0"'
_TABLE = 'style="margin:0 0 8px 0;border-collapse:collapse"'
_CAPTION = 'style="caption-side:top;text-align:left;white-space:nowrap;opacity:0.7"'


def html_page(title: str, *parts: str) -> str:
    """A heading, and pieces of HTML below it; empty pieces are left out.

    >>> html_page("<b>", "", html_text("a & b"))
    '<div><p><strong>&lt;b&gt;</strong></p><pre>a &amp; b</pre></div>'
    """
    return f"<div><p><strong>{escape(title)}</strong></p>{''.join(parts)}</div>"


def html_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows below their headers; nothing where there are no rows.  None is an empty cell."""
    if not rows:
        return ""
    head = "".join(f"<th {_CELL}>{escape(header)}</th>" for header in headers)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    caption = f"<caption {_CAPTION}>{escape(title)}</caption>" if title else ""
    return f"<table {_TABLE}>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_text(text: str) -> str:
    """Lines as they stand."""
    return f"<pre>{escape(text)}</pre>"


def _cell(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"<td {_NUMBER if is_number else _CELL}>{_shown(value)}</td>"


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.6g}"
        case _:
            return escape(str(value))
