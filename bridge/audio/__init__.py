"""Audio as numbers: int16 numpy arrays of shape `(n,)`, mono, at a stated rate.

Nothing here reads a clock or waits. A *frame* is 20 ms.

* `pcm`: the sample type, frames, saturation
* `g711`, `codecs`: what travels on the wire
* `resampling`: between the wire's rate and a bot's, with a constant delay
* `mixing`, `levels`: sums that saturate, and how loud they are
* `tones`, `dtmf`: beeps and keys, made and found
* `files`: WAV and MP3
"""
