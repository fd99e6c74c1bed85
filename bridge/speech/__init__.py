"""What a conversation is made of.

Interfaces, each with what comes in the box:

* `voices`: whether somebody speaks; `silero`, WebRTC's, loudness
* `turns`: when a caller has finished
* `recognition`: speech to text, whole or streamed; `moonshine`, `http_audio`
* `brain`: what to say and do; `rules` (with `rulebook`, `slots`), `chat`
* `synthesis`: text to speech; `hibari`, `flite`, `http_audio`
* `tools`: functions a brain may call; `abilities`: those that every call has

One call: `dialogue` listens (`ear`, `echo`, `keys`, `manners`), and `answering` thinks
and speaks (`mouth`, `memory`, `diary`, `stages`).

Elsewhere: `realtime` and `realtime_call` for speech-to-speech services, `raw_line` and
`plivo_line` for bots behind a WebSocket (`elsewhere`, `feed`), `service` for HTTP.

`models` are loaded once, and never run on the event loop.
"""
