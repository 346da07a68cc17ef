"""HTTP servers of this machine that stand around a TensorBoard: a page that embeds it, and a reverse proxy."""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = {"Content-Type": "text/html; charset=utf-8"}
Content = tuple[int, Mapping[str, str], bytes]


class LocalServer:
    """HTTP server on a free port, as a context manager.

    Args:
        respond: Function from a path with its query to the status, headers and content of the response.
        host: Name by which the browser calls the server, ``127.0.0.1`` or ``localhost``. The two are different origins.
    """

    def __init__(self, respond: Callable[[str], Content], host: str = "127.0.0.1") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, content = respond(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://{host}:{self._server.server_port}/"

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve_page(html: str, host: str = "127.0.0.1") -> LocalServer:
    """Return a server of one page, whatever the path."""
    return LocalServer(lambda path: (200, HTML, html.encode()), host)


def proxy_to(url: str, prefix: str, *, is_stripped: bool) -> LocalServer:
    """Return a reverse proxy that serves a server below a prefix, and nothing beside it.

    Args:
        url: Address of the server, without a path.
        prefix: Prefix with a leading slash.
        is_stripped: True if the server gets paths without the prefix.
    """
    target = urllib.parse.urlsplit(url)

    def respond(path: str) -> Content:
        if not path.startswith(f"{prefix}/"):
            return 404, HTML, b"not a path of this proxy"
        connection = http.client.HTTPConnection(target.hostname or "", target.port)
        connection.request("GET", path.removeprefix(prefix) if is_stripped else path)
        response = connection.getresponse()
        kept = {"content-type", "content-security-policy", "x-content-type-options", "content-encoding", "location"}
        headers = {name: value for name, value in response.getheaders() if name.lower() in kept}
        content = response.read()
        connection.close()
        return response.status, headers, content

    return LocalServer(respond)
