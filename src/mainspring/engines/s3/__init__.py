"""Objects in an S3 bucket, and what other engines need to know of one: its address, credentials,
and whether it is safe to write to.

The client (`obstore`) comes with the extra `s3`.  Import what you need from its module: this
package loads nothing.
"""

__all__: list[str] = []
