"""Bots that come in the box, and the registry that finds all others.

* `echo`: repeats the caller
* `scripted`: follows a script of files, silences, keys
* `registry`: bots by name, by `module:name`, by `file.py:name`
"""
