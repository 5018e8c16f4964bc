"""The road by the hub, against a small server on this machine that answers in the hub's layout."""

import contextlib
import hashlib
import http.server
import os
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import setup_model

FILES = {"model.onnx": b"m" * 300_000, "tokenizer.json": b"{}", "config.json": b'{"pad_token_id": 0}'}
PINS = {
    "repo": "owner/name",
    "revision": "0123456789abcdef",
    "files": {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
}


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves FILES; `stop_at` bytes of a file it stops sending until the test is over."""

    files = FILES
    stop_at = None
    over = threading.Event()

    def do_GET(self):
        prefix = f"/{PINS['repo']}/resolve/{PINS['revision']}/"
        content = self.files.get(self.path.removeprefix(prefix)) if self.path.startswith(prefix) else None
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.stop_at is None or self.stop_at >= len(content):
            self.wfile.write(content)
            return
        self.wfile.write(content[: self.stop_at])
        self.wfile.flush()
        self.over.wait(30)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def hub(**behaviour):
    handler = type("Handler", (Hub,), {"over": threading.Event(), **behaviour})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        handler.over.set()
        server.shutdown()
        server.server_close()


class HubRoad(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.hub = Path(folder.name) / "hub"
        # Seconds of waiting would prove no more than these.
        for name, value in (("PROBE_SECONDS", 0.5), ("STALL_SECONDS", 0.5)):
            patch = mock.patch.object(setup_model, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def take(self, endpoint):
        environment = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "", "NO_PROXY": "*", "no_proxy": "*"}
        with mock.patch.dict(os.environ, environment), mock.patch("builtins.print") as printed:
            note = setup_model.from_hub(PINS, self.hub)
        return note, " ".join(str(call.args[0]) for call in printed.call_args_list)

    def test_a_reachable_hub_is_laid_out_as_its_own_cache(self):
        with hub() as endpoint:
            note, _ = self.take(endpoint + "/")
        self.assertIn("owner/name", note)
        base = self.hub / "models--owner--name"
        revision = (base / "refs/main").read_text()
        self.assertEqual(revision, PINS["revision"])
        for name, content in FILES.items():
            self.assertEqual((base / "snapshots" / revision / name).read_bytes(), content)

    def test_wrong_bytes_are_reported_and_left_behind(self):
        with hub(files={**FILES, "config.json": b"{}"}) as endpoint:
            note, printed = self.take(endpoint)
        self.assertIsNone(note)
        self.assertIn("config.json: sha256", printed)
        self.assertFalse(self.hub.exists())

    def test_a_missing_file_takes_the_other_road(self):
        with hub(files={"config.json": FILES["config.json"]}) as endpoint:
            note, printed = self.take(endpoint)
        self.assertIsNone(note)
        self.assertIn("404", printed)

    def test_a_read_that_stalls_is_given_up(self):
        with hub(stop_at=100_000) as endpoint:
            note, printed = self.take(endpoint)
        self.assertIsNone(note)
        self.assertIn("stalled", printed)

    def test_a_name_lookup_that_hangs_is_given_up(self):
        over = threading.Event()
        self.addCleanup(over.set)
        with mock.patch.object(socket, "getaddrinfo", lambda *_, **__: over.wait(30)):
            before = time.monotonic()
            note, printed = self.take("http://hub.invalid")
        self.assertIsNone(note)
        self.assertIn("no answer", printed)
        self.assertLess(time.monotonic() - before, 5)

    def test_offline_asks_nobody(self):
        with mock.patch.dict(os.environ, {"HF_HUB_OFFLINE": "1"}), mock.patch("builtins.print"):
            self.assertIsNone(setup_model.from_hub(PINS, self.hub))


if __name__ == "__main__":
    unittest.main()
