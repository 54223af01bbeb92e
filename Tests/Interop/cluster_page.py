"""Uses the cluster page of running nodes as operators do, in a real browser, and looks at it.

    cluster_page.py --chromium PATH [--output FOLDER] PUBLIC ADMIN LOCKED_ADMIN KEY

PUBLIC and ADMIN are the ports of a node that runs with --dev, LOCKED_ADMIN is the admin port of one that
wants the API key KEY. Clients connect; what three windows show of them is checked, the page's buttons
are used on them, and screenshots are left in the folder (by default $ROOST_OUTPUT, else the current
one). Exits 0 when everything was as it should be.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys

import websockets.asyncio.client
import websockets.exceptions

import browser as browsers

ROOM = "chat:lobby"
HOSTILE = "<img/src=x/onerror=\"document.title='taken'\">"

# Texts that are hard to read: contrast below 4.5 to 1 (WCAG 2.2, 1.4.3), unless disabled.
POOR_CONTRAST = """(() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => colour
    .map((part) => part / 255)
    .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (!text || !element.checkVisibility() || element.closest("script, style, :disabled, svg")) continue;
    const grounds = [];
    for (let around = element; around; around = around.parentElement) grounds.unshift(getComputedStyle(around).backgroundColor);
    const [one, other] = [light(rgb([...grounds])), light(rgb([...grounds, getComputedStyle(element).color]))];
    const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    if (ratio < 4.5) poor.push(`${text.slice(0, 40)} (${ratio.toFixed(2)})`);
  }
  return poor;
})()"""

# Controls without a name to be read out, landmarks and images likewise.
NAMELESS = """[...document.querySelectorAll("button, input, select, textarea, section, svg[role=img], progress, [role=log]")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.ariaLabel || element.getAttribute("aria-label") || element.labels?.length
    || element.getAttribute("aria-labelledby") || element.tagName === "BUTTON" && element.textContent.trim()))
  .map((element) => element.outerHTML.slice(0, 120))"""


class Client:
    """A WebSocket client of the node."""

    def __init__(self, connection):
        self.connection = connection
        self.messages = []
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def join(cls, address, user, *rooms):
        connection = await websockets.asyncio.client.connect(
            f"ws://{address}/ws?user={user}", proxy=None
        )
        client = cls(connection)
        for room in rooms:
            await connection.send(json.dumps({"type": "join", "room": room, "id": 1}))
        await client.until(lambda: sum(m["type"] == "ok" for m in client.messages) == len(rooms))
        return client

    async def read(self):
        try:
            async for text in self.connection:
                self.messages.append(json.loads(text))
        except websockets.exceptions.ConnectionClosedError:
            pass

    async def publish(self, room, data):
        await self.connection.send(json.dumps({"type": "publish", "room": room, "data": data}))

    async def until(self, condition):
        ends_at = asyncio.get_running_loop().time() + browsers.DEADLINE_SECONDS
        while not condition():
            if asyncio.get_running_loop().time() > ends_at:
                raise AssertionError(f"a client waited in vain; it got {self.messages[-5:]}")
            await asyncio.sleep(0.05)

    async def is_closed_with(self, code):
        await asyncio.wait_for(self.connection.wait_closed(), browsers.DEADLINE_SECONDS)
        if self.connection.close_code != code:
            raise AssertionError(f"closed with {self.connection.close_code}, not {code}")


async def sound(window, colours):
    await window.looks_sound(colours)
    for what, expression in (("contrast", POOR_CONTRAST), ("names", NAMELESS)):
        found = await window.value(expression)
        if found:
            raise AssertionError(f"{window.name}: {what}: {found}")


async def click_text(window, selector, text):
    """Clicks the one of several elements that has the text."""
    await window.until(
        f"""(() => {{
          for (const element of document.querySelectorAll('[data-clicked]')) delete element.dataset.clicked;
          const found = [...document.querySelectorAll({json.dumps(selector)})].find((element) => element.textContent === {json.dumps(text)} || element.ariaLabel === {json.dumps(text)});
          if (found) found.dataset.clicked = "";
          return found;
        }})()"""
    )
    await window.click("[data-clicked]")


async def ask_about(window, selector, text, name):
    """Clicks one of several elements until the page asks about the right one.

    What stands above may grow under the pointer: the question is there to tell.
    """
    while True:
        await click_text(window, selector, text)
        await window.until("document.querySelector('#ask').open")
        if name in await window.value("document.querySelector('#ask').textContent"):
            return
        await window.click("#ask-no")
        await window.until("!document.querySelector('#ask').open")


async def contains(window, selector, text):
    content = f"document.querySelector({json.dumps(selector)})?.textContent"
    try:
        await window.until(f"{content}?.includes({json.dumps(text)})")
    except AssertionError as error:
        raise AssertionError(f"{error}; there is: {await window.value(content)}") from None


# Has the page hear what a node of a cluster says: this one has no neighbours, and drains in a moment.
DRAINING = """(() => {
  const real = window.fetch, node = (name, self, phase) => ({ node: name, incarnation: name, self, phase, connections: 60 });
  const said = { drain: { step: "grace", cause: "request", connections: 80, told: 0, closed: 0, pace: 0 } };
  const answers = {
    "/v1/drain": () => said.drain,
    "/v1/undrain": () => said.drain = { step: "serving", connections: 60, told: 0, closed: 0, pace: 0 },
    "/v1/nodes": () => ({ nodes: [node("one", true, said.drain.step === "serving" ? "serving" : "draining"), node("two", false, "serving")] }),
  };
  window.said = said;
  window.asked = [];
  window.fetch = async (path, options) => {
    window.asked.push(`${options.method} ${path}`);
    return answers[path] ? new Response(JSON.stringify(answers[path]())) : real(path, options);
  };
  window.unplug = () => { window.fetch = real; };
})()"""


async def drains(window, client, output, done):
    await window.value("scrollTo(0, 0)")
    await window.value(DRAINING)
    await contains(window, '[data-node="one"] .drain', "Still accepting")
    await window.until("document.querySelector('[data-node=two] button.small').disabled")
    await window.value(
        "said.drain = { step: 'moving', cause: 'request', connections: 60, told: 30, closed: 2, pace: 12,"
        " window_ends_at: Date.now() + 30000 }"
    )
    for words in ("Sending connections away", "60 of 60 connections left", "12/s", "5 s", "2 had to be"):
        await contains(window, '[data-node="one"] .drain', words)
    await window.until("document.querySelector('[data-node=one] button.small').disabled")
    await sound(window, "light")
    await window.screenshot(output / "cluster-drain.png")
    await window.value("said.drain = { ...said.drain, step: 'grace', pace: 0 }")
    await window.until("!document.querySelector('[data-node=one] button.small').disabled")
    await click_text(window, "[data-node=one] button", "Undrain one")
    await contains(window, "#notice", "one serves on")
    await contains(window, '[data-node="one"] [data-phase]', "serving")
    await window.until("window.asked.includes('POST /v1/undrain')")
    await window.value("unplug()")
    await contains(window, '[data-node="test"] [data-phase]', "serving")
    await click_text(window, "[data-node=test] button", "Drain test")
    await window.until("document.querySelector('#ask').open")
    await window.click("#ask-no")
    await window.until("!document.querySelector('#ask').open")
    await click_text(window, "[data-node=test] button", "Drain test")
    await window.click("#ask-yes")
    await contains(window, "#notice", "test drains")
    await client.is_closed_with(1001)
    done("a drain is asked for after a question, followed, and taken back")


async def use(browser, arguments):
    def done(sentence):
        print(f"ok  {sentence}", flush=True)

    output = arguments.output
    locked = await browser.open("locked", f"http://{arguments.locked}/", "light", 1280, 900)
    await locked.until("!document.querySelector('#key-form').hidden")
    await locked.until("document.activeElement.id === 'key-field'")
    await sound(locked, "light")
    await locked.screenshot(output / "cluster-key.png")
    await locked.type("#key-field", "not-the-key-at-all")
    await locked.press_enter()
    await contains(locked, "#key-error", "not a known one")
    await locked.type("#key-field", arguments.key)
    await locked.click("#key-button")
    await locked.until_text("#status", "Live")
    await locked.until("document.querySelector('#key-form').hidden")
    if await locked.value(f"location.href.includes('{arguments.key}') || document.cookie !== ''"):
        raise AssertionError("the key is in the address or in a cookie")
    if not await locked.value(f"sessionStorage.roostKey === '{arguments.key}' && !localStorage.roostKey"):
        raise AssertionError("the key is not where it should be")
    await locked.call("Page.reload")
    await locked.until_text("#status", "Live")
    await locked.click("#forget-button")
    await locked.until("!document.querySelector('#key-form').hidden && !sessionStorage.roostKey")
    # A browser logs every answer above 399; these were meant.
    locked.complaints = [one for one in locked.complaints if "401" not in one]
    done("a key is asked for, judged, kept in the tab, and forgotten")

    anna = await Client.join(arguments.public, "anna", ROOM, "chat:other")
    bert = await Client.join(arguments.public, "bert", ROOM)
    carl = await Client.join(arguments.public, "carl", ROOM)
    await anna.publish(ROOM, "hello")
    await anna.publish(ROOM, HOSTILE)

    light = await browser.open("light", f"http://{arguments.admin}/", "light", 1280, 900)
    await light.until_text("#status", "Live")
    await contains(light, '[data-node="test"]', "3 connections")
    await contains(light, '[data-node="test"] [data-phase]', "serving")
    await light.until(
        "document.querySelectorAll('[data-node=test] .spark').length === 4"
        " && document.querySelector('[data-node=test] polyline').points.length > 2"
    )
    await light.until(
        "document.querySelector('[data-node=test] button.small')?.textContent === 'Drain'"
        " && !document.querySelector('[data-node=test] button.small').disabled"
    )
    await contains(light, "#largest-rooms", ROOM)
    await contains(light, "#busiest-connections", "anna")
    await sound(light, "light")
    done("nodes have a card with lines, rooms and connections their tables")

    await click_text(light, "#largest-rooms button", ROOM)
    await contains(light, "#room-facts", "3 members")
    await light.until("document.querySelectorAll('#member-list tr').length === 3")
    await contains(light, "#history-list", "hello")
    await contains(light, "#history-list", HOSTILE.replace('"', '\\"'))
    await light.click("#tail-button")
    await light.until_text("#tail-note", "Following.")
    await light.type("#publish-text", "from the page")
    await light.click("#publish-button")
    await light.until_text("#publish-result", "Published at offset 3.")
    await contains(light, "#tail-list", "from the page")
    await bert.until(lambda: any(m.get("data") == "from the page" for m in bert.messages))
    await light.click("#publish-json")
    await light.type("#publish-text", "{")
    await light.click("#publish-button")
    await light.until_text("#publish-result", "That is not JSON.")
    await light.type("#publish-text", '{"answer": 42}')
    await light.click("#publish-button")
    await bert.until(lambda: any(m.get("data") == {"answer": 42} for m in bert.messages))
    await contains(light, "#tail-list", "42")
    await light.until("!document.querySelector('img') && document.title !== 'taken'")
    await sound(light, "light")
    await light.screenshot(output / "cluster-room.png")
    await light.click("#tail-button")
    await light.until_text("#tail-button", "Follow")
    done("a room shows its members, history and live messages, and takes a publish")

    await ask_about(light, "#member-list button", "Take carl out of the room", "carl")
    await light.click("#ask-no")
    await light.until("!document.querySelector('#ask').open")
    await ask_about(light, "#member-list button", "Take carl out of the room", "carl")
    await light.click("#ask-yes")
    await carl.until(lambda: any(m["type"] == "removed" for m in carl.messages))
    await light.until("document.querySelectorAll('#member-list tr').length === 2")
    await click_text(light, "#member-list button", "bert")
    await contains(light, "#user-facts", "1 connection of bert")
    await click_text(light, "#user-list button", "Disconnect")
    await light.click("#ask-yes")
    await bert.is_closed_with(4003)
    await contains(light, "#notice", "1 connection closed.")
    await light.type("#user-field", "anna")
    await light.click("#user-button")
    await contains(light, "#user-facts", "1 connection of anna")
    await light.click("#user-disconnect")
    await light.click("#ask-yes")
    await anna.is_closed_with(4003)
    done("people are taken out of rooms and disconnected, after a question")

    await light.value("scrollTo(0, 0)")
    await contains(light, '[data-node="test"]', "1 connection")
    await light.screenshot(output / "cluster-light.png")
    await light.click("#pause-button")
    await light.until_text("#status", "Paused")
    await light.click("#pause-button")
    await light.until_text("#status", "Live")

    dark = await browser.open("dark", f"http://{arguments.admin}/", "dark", 1280, 900)
    await dark.until_text("#status", "Live")
    await dark.until("document.querySelector('[data-node=test] polyline').points.length > 3")
    await sound(dark, "dark")
    await dark.screenshot(output / "cluster-dark.png")
    phone = await browser.open(
        "phone", f"http://{arguments.admin}/", "dark", 390, 844, is_phone=True
    )
    await phone.until_text("#status", "Live")
    await phone.type("#room-field", ROOM)
    await phone.click("#room-button")
    await contains(phone, "#history-list", "hello")
    await sound(phone, "dark")
    await phone.screenshot(output / "cluster-phone-room.png")
    await phone.value("scrollTo(0, 0)")
    await phone.screenshot(output / "cluster-phone.png")
    done("it is readable in the dark and fits a phone")

    await drains(light, carl, output, done)
    for window in browser.windows.values():
        if window.complaints:
            raise AssertionError(f"{window.name}'s page complains: {window.complaints}")
    done("no page had an error or broke its content security policy")


async def run(arguments):
    arguments.output.mkdir(parents=True, exist_ok=True)
    async with browsers.chromium(arguments.chromium) as browser:
        await use(browser, arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("public", "admin", "locked", "key"):
        parser.add_argument(name)
    parser.add_argument("--chromium", required=True, help="path of the browser")
    default = pathlib.Path(os.environ.get("ROOST_OUTPUT") or ".")
    parser.add_argument("--output", type=pathlib.Path, default=default)
    try:
        asyncio.run(run(parser.parse_args()))
    except (AssertionError, TimeoutError) as problem:
        sys.exit(f"NOT as it should be: {problem or 'somebody does not answer'}")


if __name__ == "__main__":
    main()
