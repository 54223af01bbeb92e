"""Uses the console page of a running node as people do, in a real browser, and looks at it.

    browser.py --chromium PATH [--output FOLDER] [--recovery] HOST:PORT

The node runs with --dev. Three windows, one in light colours, one in dark ones and one of a phone's
size, connect, join a room and publish; what each shows is checked, and screenshots are left in the
folder (by default $ROOST_OUTPUT, else the current one). Clicks and keys are the browser's own input
events, so what is covered or disabled cannot be used. Exits 0 when everything was as it should be.

With --recovery the address is a balancer's, and two windows use the console. The line "kill NAME" asks
for the end of the node that one of them is on; nothing that the other publishes may be missing.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import websockets.asyncio.client

DEADLINE_SECONDS = 60
ROOM = "chat:lobby"

# What the messages in a page show, white space aside.
MESSAGE_TEXTS = (
    """Array.from(document.querySelectorAll('[data-testid="message-body"]'), """
    r"""(body) => body.textContent.replace(/\s+/g, " ").trim())"""
)


class Browser:
    """A headless Chromium and the connection to its DevTools."""

    def __init__(self, connection):
        self.connection = connection
        self.answers = {}
        self.windows = {}
        self.number = 0
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        async for text in self.connection:
            message = json.loads(text)
            if "id" in message:
                self.answers.pop(message["id"]).set_result(message)
            elif message.get("sessionId") in self.windows:
                self.windows[message["sessionId"]].note(message)
        for answer in self.answers.values():
            answer.set_exception(AssertionError("the browser is gone"))

    async def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answer = self.answers[self.number] = asyncio.get_running_loop().create_future()
        await self.connection.send(json.dumps(message))
        found = await asyncio.wait_for(answer, DEADLINE_SECONDS)
        if "error" in found:
            raise AssertionError(f"{method}: {found['error']['message']}")
        return found["result"]

    async def open(self, name, url, colours, width, height, is_phone=False):
        """Opens a page in a window of its own, so that it is never in the background."""
        target = await self.call("Target.createTarget", url="about:blank", newWindow=True)
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        window = Window(self, name, attached["sessionId"])
        self.windows[window.session] = window
        for domain in ("Page", "Runtime", "Log"):
            await window.call(f"{domain}.enable")
        await window.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        await window.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": colours}],
        )
        await window.call("Page.navigate", url=url)
        await window.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return window


class Window:
    """One page, used by one person."""

    def __init__(self, browser, name, session):
        self.browser, self.name, self.session = browser, name, session
        self.complaints = []

    async def call(self, method, **parameters):
        return await self.browser.call(method, self.session, **parameters)

    def note(self, event):
        """Keeps what the page itself complains about: errors of its script, broken policies."""
        parameters = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.complaints.append(f"{details['text']} {thrown}")
        elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])

    async def value(self, expression):
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{self.name}: {expression}: {found['exceptionDetails']['text']}")
        return found["result"].get("value")

    async def until(self, condition):
        """Waits until an expression is true in the page."""
        ends_at = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        while not await self.value(f"Boolean({condition})"):
            if asyncio.get_running_loop().time() > ends_at:
                raise AssertionError(f"{self.name} waited in vain for: {condition}")
            await asyncio.sleep(0.05)

    async def text(self, selector):
        return await self.value(f"document.querySelector({json.dumps(selector)})?.textContent")

    async def until_text(self, selector, wanted):
        await self.until(
            f"document.querySelector({json.dumps(selector)})?.textContent === {json.dumps(wanted)}"
        )

    async def click(self, selector):
        """Clicks the middle of an element, which must be what is seen there."""
        found = json.dumps(selector)
        await self.until(f"document.querySelector({found})?.disabled === false")
        place = await self.value(
            f"""(() => {{
              const element = document.querySelector({found});
              element.scrollIntoView({{ block: "nearest" }});
              const box = element.getBoundingClientRect();
              const x = box.x + box.width / 2, y = box.y + box.height / 2;
              const seen = document.elementFromPoint(x, y);
              const label = seen && seen.closest("label");
              const isSeen = seen && (element.contains(seen) || label && label.control === element);
              return {{ x, y, isSeen: Boolean(isSeen) }};
            }})()"""
        )
        if not place["isSeen"]:
            raise AssertionError(f"{self.name} cannot click {selector}: something covers it")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place["x"],
                y=place["y"],
                button="left",
                clickCount=1,
            )

    async def type(self, selector, text):
        """Puts text into a field in place of what it holds."""
        await self.click(selector)
        await self.value(f"document.querySelector({json.dumps(selector)}).select()")
        await self.call("Input.insertText", text=text)

    async def press_enter(self):
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                windowsVirtualKeyCode=13,
                text="\r" if kind == "keyDown" else "",
            )

    async def screenshot(self, file):
        # What is being painted is waited for.
        await self.call(
            "Runtime.evaluate",
            expression="new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))",
            awaitPromise=True,
        )
        found = await self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(found["data"]))
        print(f"    {file}", flush=True)

    async def looks_sound(self, colours):
        """The colours are those asked for, and nothing sticks out sideways."""
        await self.until("document.documentElement.scrollWidth <= innerWidth")
        background = await self.value(
            """(() => {
              const context = document.createElement("canvas").getContext("2d");
              context.fillStyle = getComputedStyle(document.body).backgroundColor;
              context.fillRect(0, 0, 1, 1);
              return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
            })()"""
        )
        is_light = sum(background) > 3 * 128
        if is_light != (colours == "light"):
            raise AssertionError(f"{self.name}: the background {background} is not {colours}")

    async def connect_and_join(self, room=ROOM):
        await self.until_text("#status", "Not connected")
        await self.type("#user-field", self.name)
        await self.click("#connect-button")
        await self.until_text("#status", "Connected")
        await self.type("#room-field", room)
        await self.click("#join-button")
        await self.until_text("#room-title", room)

    async def shows(self, *bodies):
        """The messages of the room are these, in this order."""
        wanted = json.dumps(list(bodies))
        await self.until(f"JSON.stringify({MESSAGE_TEXTS}) === JSON.stringify({wanted})")


@contextlib.asynccontextmanager
async def chromium(path):
    """A browser with an empty profile, gone with all its processes at the end."""
    with tempfile.TemporaryDirectory(prefix="roost-", ignore_cleanup_errors=True) as profile:
        command = [path, "--headless=new", "--remote-debugging-port=0"]
        command += [f"--user-data-dir={profile}", "--no-first-run", "--no-proxy-server"]
        command += ["--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"]
        command += ["--disable-background-networking", "--disable-sync"]
        command += ["--disable-background-timer-throttling", "--disable-renderer-backgrounding"]
        command += ["--disable-backgrounding-occluded-windows", "--hide-scrollbars"]
        if os.geteuid() == 0:
            # Chromium does not start as root with its sandbox.
            command.append("--no-sandbox")
        log_file = pathlib.Path(profile) / "chromium.log"
        with open(log_file, "wb") as log:
            process = subprocess.Popen(
                [*command, "about:blank"],
                env={**os.environ, "HOME": profile},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            address = await devtools_address(process, pathlib.Path(profile), log_file)
            async with websockets.asyncio.client.connect(
                address, max_size=None, proxy=None
            ) as connection:
                yield Browser(connection)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def devtools_address(process, profile, log_file):
    for _ in range(DEADLINE_SECONDS * 20):
        with contextlib.suppress(OSError):
            lines = (profile / "DevToolsActivePort").read_text().splitlines()
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            break
        await asyncio.sleep(0.05)
    said = log_file.read_text(errors="replace")[-1000:]
    raise AssertionError(f"the browser does not start (code {process.poll()}): {said}")


async def use(browser, url, output):
    """The story; each print is a step that went as it should."""

    def done(sentence):
        print(f"ok  {sentence}", flush=True)

    anna = await browser.open("anna", url, "light", 1280, 800)
    await anna.looks_sound("light")
    await anna.screenshot(output / "console-first.png")
    await anna.connect_and_join()
    await anna.until_text("#member-count", "1")
    done("the page opens, connects and joins a room")

    bert = await browser.open("bert", url, "dark", 1280, 800)
    await bert.connect_and_join()
    await bert.looks_sound("dark")
    for window in (anna, bert):
        await window.until_text("#member-count", "2")
        await window.until(
            "[...document.querySelectorAll('[data-testid=\"member\"]')]"
            ".map((one) => one.dataset.user).sort().join() === 'anna,bert'"
        )
    done("two windows see each other among the members")

    await anna.type("#message-input", "hello from anna")
    await anna.press_enter()
    # Messages of two windows have no order of their own: the second answers the first.
    await bert.shows("hello from anna")
    await bert.type("#message-input", "hello from bert")
    await bert.click("#publish-button")
    for window in (anna, bert):
        await window.shows("hello from anna", "hello from bert")
    await anna.until("document.querySelectorAll('.message.mine').length === 1")
    await anna.until("/^Published/.test(document.querySelector('#publish-result').textContent)")
    done("what one publishes, both show, in one order")

    hostile = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"
    await anna.type("#message-input", hostile)
    await anna.press_enter()
    await bert.shows("hello from anna", "hello from bert", hostile)
    await bert.click("#format-json")
    await bert.type("#message-input", '{"answer": 42}')
    await bert.click("#publish-button")
    for window in (anna, bert):
        await window.shows("hello from anna", "hello from bert", hostile, '{ "answer": 42 }')
        await window.until("!document.querySelector('#message-list img')")
        await window.until("document.title !== 'taken'")
    done("markup is shown as text, JSON as JSON")

    await anna.click("#ping-button")
    await anna.until("document.querySelector('#rtt').textContent.includes('ms')")
    await anna.type("#raw-input", '{"type":"dance","id":"raw"}')
    await anna.click("#raw-button")
    await anna.until("document.querySelector('#frame-list').textContent.includes('unknown_type')")
    done("a ping shows its round-trip, a raw request and its error are among the frames")
    await anna.screenshot(output / "console-light.png")
    await bert.screenshot(output / "console-dark.png")

    carla = await browser.open("carla", url, "dark", 390, 844, is_phone=True)
    await carla.screenshot(output / "console-phone-rooms.png")
    await carla.connect_and_join()
    await carla.click("#history-button")
    await carla.shows("hello from anna", "hello from bert", hostile, '{ "answer": 42 }')
    await carla.looks_sound("dark")
    await carla.screenshot(output / "console-phone-messages.png")
    for view in ("members", "frames", "rooms"):
        await carla.click(f'#tabs [data-tab="{view}"]')
        await carla.until(f"document.body.dataset.view === '{view}'")
        await carla.looks_sound("dark")
    done("on a phone all views fit, and history shows what was before")

    await carla.click("#disconnect-button")
    await carla.until_text("#status", "Not connected")
    await carla.until_text("#close-code", "1000")
    await anna.until_text("#member-count", "2")
    await anna.click("#leave-button")
    await bert.until_text("#member-count", "1")
    done("who disconnects or leaves is gone for the others")

    for window in browser.windows.values():
        if window.complaints:
            raise AssertionError(f"{window.name}'s page complains: {window.complaints}")
    done("no page had an error or broke its content security policy")


async def recover(browser, url, output):
    """A node is killed under a page, which comes back by itself."""
    anna = await browser.open("anna", url, "dark", 1280, 800)
    await anna.connect_and_join("all:lobby")
    bert = await browser.open("bert", url, "light", 1280, 800)
    await bert.connect_and_join("all:lobby")
    node = await anna.text("#session dd")
    if await bert.text("#session dd") == node:
        raise AssertionError("both windows are on one node")
    await bert.type("#message-input", "before")
    await bert.press_enter()
    for window in (anna, bert):
        await window.shows("before")
    print(f"kill {node}", flush=True)
    bodies = ["before"]
    # What is published while anna's page may be away.
    while await anna.text("#session dd") == node:
        bodies.append(f"message {len(bodies)}")
        await bert.type("#message-input", bodies[-1])
        await bert.press_enter()
        await bert.shows(*bodies)
    await anna.until_text("#status", "Connected")
    await anna.shows(*bodies)
    await anna.until(
        "[...document.querySelectorAll('#message-list .note')]"
        ".some((note) => note.textContent === 'Joined again; nothing is missing')"
    )
    await anna.looks_sound("dark")
    await anna.screenshot(output / "console-recovered.png")
    await anna.type("#message-input", "and back")
    await anna.press_enter()
    await bert.shows(*bodies, "and back")
    for window in browser.windows.values():
        # The browser itself complains of the connection that it lost.
        rest = [text for text in window.complaints if "WebSocket connection to" not in text]
        if rest:
            raise AssertionError(f"{window.name}'s page complains: {rest}")
    print(f"ok  a page whose node was killed has all of {len(bodies)} messages", flush=True)


async def run(arguments):
    arguments.output.mkdir(parents=True, exist_ok=True)
    story = recover if arguments.recovery else use
    async with chromium(arguments.chromium) as browser:
        await story(browser, f"http://{arguments.address}/", arguments.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--chromium", required=True, help="path of the browser")
    default = pathlib.Path(os.environ.get("ROOST_OUTPUT") or ".")
    parser.add_argument("--recovery", action="store_true", help="behind a balancer; see above")
    parser.add_argument("--output", type=pathlib.Path, default=default)
    try:
        asyncio.run(run(parser.parse_args()))
    except (AssertionError, TimeoutError) as problem:
        sys.exit(f"NOT as it should be: {problem or 'the browser does not answer'}")


if __name__ == "__main__":
    main()
