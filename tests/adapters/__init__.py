"""Adapters of other frameworks, in a process of their own: those change Python's."""
