"""Objects in a bucket that speaks S3, and what others need to know of one: where it is, who is let
in, and whether it is safe to write to.

The client (`obstore`) comes with the extra `s3`.  Import what you need from its module: this
package loads nothing.
"""

__all__: list[str] = []
