"""Several processes that are one server: a parent, and workers that carry the calls.

The workers share the server's ports by SO_REUSEPORT; the kernel gives each connection
to one of them. Each has a socket to the parent, the `Hub`, which passes on what they
tell each other, keeps it for those that start later, and outlives those that die.
"""
