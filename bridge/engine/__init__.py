"""A Multiparty Call service on this machine.

Pure core:

* `room`: who is in a call, and the rules of its life
* `routing`, `mixer`: who hears whom; all rooms mixed in one go
* `sounds`: beeps, music, announcements; `far_buffer`: an AI agent's playback queue
* `key_tones`: the keys it presses, as they are heard

A call, and a room with calls in it:

* `legs`: what a call's audio comes from and goes to; `phone`, `ai_leg`: the kinds
* `phonebook`, `dialling`: what the simulated phones do, and what a request dials
* `lines`, `calls`: a call, and its life: dialled, in rooms, run by XML, hung up
* `conference`: what sounds in a room; `recording`, `recordings`: what is kept of it,
  written by a `patient_thread`
* `exchange`: takes commands and does what rooms decide; `media_clock`: moves the audio

Around them:

* `fetcher`, `announcer`: what URLs give, made into sound; `transcriber`
* `reporter`, `notifier`, `outgoing`: what is told by callbacks, and how
* `books`, `history`: what is written down
* `rest`: the API; `app`: all of it together
"""
