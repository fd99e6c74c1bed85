"""Commands: the only place that reads arguments, environment and files.

* `main`: the group, and what all commands share
* `demo`, `serve`, `engine`, `mpc`, `bots`: the commands
* `mpc_media`, `mpc_asking`, `mpc_options`, `mpc_show`: the parts of `mpc`
* `setup`: options, logging, the event loop, signals; `named_bots`: which bots are meant
* `show`, `picture`: tables, the live call, the timeline
"""
