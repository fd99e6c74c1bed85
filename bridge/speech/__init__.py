"""What a conversation is made of.

* `synthesis`: text to speech, and the voice that comes with the extra `local`
* `recognition`: speech to text, the interface
"""
