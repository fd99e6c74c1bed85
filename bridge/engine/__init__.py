"""A Multiparty Call service on this machine.

Pure core:

* `room`: who is in a call, and the rules of its life
* `routing`, `mixer`: who hears whom; all rooms mixed in one go
* `far_buffer`: Plivo's playback queue for an AI agent

Around it:

* `legs`: what a member's audio comes from and goes to; `phone`, `ai_leg`: the kinds
* `phonebook`: what the simulated phones do
* `recorder`: one channel per member, on the sample clock
* `exchange`: dials, ticks 50 times a second, and carries out what rooms decide
* `api`: the REST API over it
"""
