"""Listens for Plivo: one port for streams, health and metrics.

* `options`: every limit and deadline
* `connection`: one socket, on the `websockets` library's Sans-I/O core
* `reception`: who gets in, and which call a socket belongs to
* `app`: the listener, its calls, and how it ends
"""
