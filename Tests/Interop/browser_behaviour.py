"""Plays the scenarios of Tests/Behaviour in headless Chromium, with the roost.js that a node serves.

  browser_behaviour.py HOST:PORT --chromium PATH

behaviour.mjs does the work; this program serves it and the scenarios to the browser, which has the
module itself from the node.
"""

import argparse
import asyncio
import functools
import http.server
import json
import pathlib
import sys
import threading

import browser

HERE = pathlib.Path(__file__).resolve().parent
BEHAVIOUR = HERE.parent / "Behaviour"

PAGE = """<!doctype html><title>Behaviour</title><script type="module">
  import {{ Roost }} from "http://{address}/roost.js";
  import {{ parse, playAll }} from "/behaviour.mjs";
  const texts = await (await fetch("/scenarios")).json();
  window.outcome = await playAll(Roost, texts.map(([name, text]) => [name, parse(text)]));
</script>"""


class Files(http.server.BaseHTTPRequestHandler):
    """The page, the runner and the scenarios."""

    def __init__(self, address, *arguments):
        self.address = address
        super().__init__(*arguments)

    def do_GET(self):
        if self.path == "/":
            self.answer("text/html", PAGE.format(address=self.address))
        elif self.path == "/behaviour.mjs":
            self.answer("text/javascript", (HERE / "behaviour.mjs").read_text())
        elif self.path == "/scenarios":
            files = sorted(BEHAVIOUR.glob("*.json"))
            texts = [[file.name, file.read_text()] for file in files]
            self.answer("application/json", json.dumps(texts))
        else:
            self.send_error(404)

    def answer(self, media_type, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def play(arguments, port):
    async with browser.chromium(arguments.chromium) as chromium:
        window = await chromium.open(
            "behaviour", f"http://127.0.0.1:{port}/", "light", 800, 600
        )
        try:
            await window.until("window.outcome")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; the page says {window.complaints}") from problem
        outcome = await window.value("window.outcome")
    print("\n".join(outcome["lines"]))
    if outcome["failed"] or len(outcome["lines"]) < 100:
        raise AssertionError("not every scenario went as it should")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--chromium", required=True, help="path of the browser")
    arguments = parser.parse_args()
    serve = functools.partial(Files, arguments.address)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            asyncio.run(play(arguments, server.server_address[1]))
        except (AssertionError, TimeoutError) as problem:
            sys.exit(f"NOT as it should be: {problem or 'the browser does not answer'}")
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
