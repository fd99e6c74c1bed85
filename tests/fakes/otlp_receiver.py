"""Takes spans over HTTP as an OpenTelemetry collector does, and keeps them."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

__all__ = ["Receiver", "receiving"]


class Receiver:
    """What has come."""

    def __init__(self) -> None:
        self.resources: list[ResourceSpans] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def spans(self) -> dict[str, Span]:
        """All spans by name."""
        return {
            span.name: span
            for resource in self.resources
            for scope in resource.scope_spans
            for span in scope.spans
        }


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Take spans at a free port, while the block runs."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            is_right = (
                self.path == "/v1/traces"
                and self.headers["Content-Type"] == "application/x-protobuf"
            )
            if is_right:
                request = ExportTraceServiceRequest.FromString(body)
                receiver.headers.append(dict(self.headers))
                receiver.resources += request.resource_spans
            self.send_response(200 if is_right else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, *_about: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
