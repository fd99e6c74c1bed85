"""Our server, others, and the least a server can do, under the same load.

* `contestants`: who they are, and how they are started
* `process`: one of them, on a core of its own, and what it uses
* `bare`, `bare_callers`: bytes that are sent back, and who sends them
* `floor`: the least that answers as a stream server does, in C
* `measuring`: one run of one of them
* `machine`: where it was measured, and with what
* `results`, `tables`: what came out, as it is kept and shown
* `capacity`: how many streams one core carries

`python -m benchmarks.servers --help`
"""
