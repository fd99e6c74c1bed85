"""The Multiparty Call REST API over an exchange, as Plivo answers it.

* `app`: routes, authentication, the rate limit, errors, asynchronous requests
* `operations`: what can be asked, for the routes and for the OpenAPI description
* `mpcs`, `participants`: what is done; `answers`: how it is shown
* `openapi`: the description of all this
"""
