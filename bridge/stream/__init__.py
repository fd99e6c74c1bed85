"""Plivo's audio stream protocol, both sides of it, without any I/O.

* `messages`: every message as a typed struct; `codec` reads and writes them
* `content_type`, `headers`: the two small languages inside them
* `sequence`: what is missing, repeated or late
* `protocol`: one state table that serves the bridge's side and Plivo's

Source: Plivo's Audio Streaming Protocol Reference and what its users observed.
"""
