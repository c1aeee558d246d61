"""A control plane for the tests of the clients: takes POST /v1/report on a port of its own and
remembers what came, in order. `answers` says what it answers, one status after the other, and
then 200 for ever."""

import contextlib
import http.server
import json
import threading
import time


class FakeServer:
    """REQUIRES: used as a context manager, so that nothing outlives the test."""

    def __init__(self, port=0, answers=(), body=b'{"ok":true}'):
        self.reports = []        # bodies that were taken
        self.refused = []        # statuses given instead
        self.tokens = set()      # what came as Authorization
        self.body = body         # of what was taken
        self._answers = list(answers)
        self._changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._changed:
                    outer.tokens.add(self.headers.get("Authorization"))
                    status = outer._answers.pop(0) if outer._answers else 200
                    if self.path != "/v1/report":
                        status = 404
                    if status == 200:
                        outer.reports.append((time.monotonic(), body))
                    else:
                        outer.refused.append(status)
                    outer._changed.notify_all()
                answer = outer.body if status == 200 else b'{"error":{"code":"test"}}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bodies(self):
        with self._changed:
            return [body for _, body in self.reports]

    def wait_for(self, condition, timeout_s=20):
        """Waits until condition(bodies) holds; fails the test when it does not in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition([b for _, b in self.reports]),
                                          timeout_s):
                raise AssertionError(f"after {timeout_s} s there were only {self.reports}")

    def wait_for_refusals(self, count, timeout_s=20):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.refused) >= count, timeout_s):
                raise AssertionError(f"after {timeout_s} s there were only {self.refused}")


@contextlib.contextmanager
def closed_port():
    """A port that refuses connections for as long as the context lasts: bound, not listening."""
    import socket
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
