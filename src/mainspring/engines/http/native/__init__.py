"""HTTP/1.1 straight to routes: an asyncio protocol over httptools on uvloop, without ASGI between.

It answers what the other server answers, byte for byte but for the headers that nobody asked for,
and shares its limits and its desk; what it saves is the tasks, the queues and the messages that an
application of ASGI needs for each request.
"""

__all__: list[str] = []
