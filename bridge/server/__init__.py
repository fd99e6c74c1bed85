"""Listens for Plivo: one port for streams, health and metrics, one for callbacks.

* `options`: every limit and deadline
* `connection`: one socket, on the `websockets` library's Sans-I/O core
* `reception`: who gets in, and which call a socket belongs to
* `roster`: who else is in a call, as callbacks tell
* `app`: the listener, its calls, and how it ends
"""
