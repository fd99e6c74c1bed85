"""Client of the Multiparty Call REST API, Plivo's or the local engine's."""

from bridge.control.client import MpcClient

__all__ = ["MpcClient"]
