"""The Multiparty Call API's words, without any I/O.

* `vocabulary`: roles, states, causes and codes
* `requests`: what is asked, checked; `objects`: what is answered
* `callbacks`: what is told; `signatures`: who tells it
* `xml`: what a call is told to do; `rates`: how often may be asked

Sources: Plivo's Multiparty Calls API pages, and what its SDKs send and read.
"""
