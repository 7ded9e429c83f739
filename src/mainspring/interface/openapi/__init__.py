"""The OpenAPI document of a server: its routes, the request fields of each endpoint with their
types, answers, problem documents and who may call.

It is made from declarations: routes, records, and the schemas of the models that are served.  What
is answered belongs to the packages whose routes these are.
"""

__all__: list[str] = []
