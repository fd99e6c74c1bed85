"""One AI agent's call: what a bot sees, and what keeps it in time.

* `bot`: what a bot is; `call`: what it is given; `events`: what it is told
* `heard`: the ledger of what the far end has played (pure)
* `inbound`: the bounded queue of what the caller said
* `pacing`, `outbound`, `playback`: speech on its way out, in time, interruptible
* `session`: joins a call to one stream and runs the bot
"""
