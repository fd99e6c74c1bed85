"""What becomes of calls when things fail: real processes, real sockets.

`docs/failures.md` is written from what is seen here.
"""
