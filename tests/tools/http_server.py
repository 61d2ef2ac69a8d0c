"""Serves a folder over HTTP with ETags, as DVC's http deps need them: `http_server.py FOLDER`.

Prints its port and serves until its standard input ends.
"""

import functools
import hashlib
import http.server
import os
import sys
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        path = self.translate_path(self.path)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                self.send_header("ETag", '"%s"' % hashlib.md5(file.read()).hexdigest())
        super().end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
