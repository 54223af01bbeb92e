"""Holds the documented conversation with a running node, through a client library of others.

    stock_clients.py websockets|aiohttp|wsproto HOST:PORT

The node runs with --dev, under which rooms keep history and tell who comes and goes. Every step is
a sentence of the protocol's description; the conversation is held once without compression and once
with permessage-deflate. Exits 0 when all of it went as described, 1 with the step that did not, 2
when it was called wrongly.
"""

import argparse
import asyncio
import json
import os
import sys

SUBPROTOCOL = "roost.v1.json"
DEADLINE_SECONDS = 15


class Closed(Exception):
    """The connection is closed; `code` is what the server's close frame said."""

    def __init__(self, code):
        super().__init__(f"the server closed with {code}")
        self.code = code


class WebsocketsClient:
    """The `websockets` package."""

    async def open(self, host, port, compressed, subprotocols):
        import websockets.asyncio.client as library

        self.socket = await library.connect(
            f"ws://{host}:{port}/ws",
            compression="deflate" if compressed else None,
            subprotocols=subprotocols or None,
            proxy=None,
        )
        self.subprotocol = self.socket.subprotocol
        self.compressed = bool(self.socket.protocol.extensions)

    async def send(self, message):
        await self.socket.send(message)

    async def receive(self):
        from websockets.exceptions import ConnectionClosed

        try:
            return await self.socket.recv()
        except ConnectionClosed:
            raise Closed(self.socket.close_code) from None

    async def ping(self, payload):
        await (await self.socket.ping(payload))

    async def close(self):
        await self.socket.close(1000, "done")
        return self.socket.close_code


class AiohttpClient:
    """The `aiohttp` package's client."""

    async def open(self, host, port, compressed, subprotocols):
        import aiohttp

        self.library = aiohttp
        self.session = aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(
            f"http://{host}:{port}/ws",
            compress=15 if compressed else 0,
            protocols=subprotocols,
            autoping=False,
        )
        self.subprotocol = self.socket.protocol
        self.compressed = bool(self.socket.compress)
        self.waiting = []

    async def send(self, message):
        if isinstance(message, bytes):
            await self.socket.send_bytes(message)
        else:
            await self.socket.send_str(message)

    async def receive(self):
        if self.waiting:
            return self.waiting.pop(0)
        while True:
            message = await self.socket.receive()
            kinds = self.library.WSMsgType
            if message.type in (kinds.TEXT, kinds.BINARY):
                return message.data
            if message.type == kinds.PING:
                await self.socket.pong(message.data)
            elif message.type != kinds.PONG:
                await self.session.close()
                raise Closed(self.socket.close_code)

    async def ping(self, payload):
        await self.socket.ping(payload)
        while True:
            message = await self.socket.receive()
            if message.type == self.library.WSMsgType.PONG and bytes(message.data) == payload:
                return
            self.waiting.append(message.data)

    async def close(self):
        await self.socket.close(code=1000, message=b"done")
        await self.session.close()
        return self.socket.close_code


class WsprotoClient:
    """The `wsproto` package: the protocol without any I/O, here over an asyncio stream."""

    async def open(self, host, port, compressed, subprotocols):
        import wsproto
        from wsproto import events
        from wsproto.extensions import PerMessageDeflate

        self.events = events
        self.reader, self.writer = await asyncio.open_connection(host, port)
        self.protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.arrived = []
        self.parts = []
        await self.transmit(
            events.Request(
                host=f"{host}:{port}",
                target="/ws",
                subprotocols=subprotocols,
                extensions=[PerMessageDeflate()] if compressed else [],
            )
        )
        answer = await self.event()
        if not isinstance(answer, events.AcceptConnection):
            raise AssertionError(f"the handshake was answered with {answer}")
        self.subprotocol = answer.subprotocol
        self.compressed = any(extension.enabled() for extension in answer.extensions)

    async def transmit(self, event):
        self.writer.write(self.protocol.send(event))
        await self.writer.drain()

    async def event(self):
        while not self.arrived:
            received = await self.reader.read(65536)
            self.protocol.receive_data(received or None)
            self.arrived.extend(self.protocol.events())
        return self.arrived.pop(0)

    async def send(self, message):
        kind = self.events.BytesMessage if isinstance(message, bytes) else self.events.TextMessage
        await self.transmit(kind(data=message))

    async def receive(self):
        while True:
            event = await self.event()
            if isinstance(event, self.events.Message):
                self.parts.append(event.data)
                if event.message_finished:
                    parts, self.parts = self.parts, []
                    return parts[0][:0].join(parts)
            elif isinstance(event, self.events.Ping):
                await self.transmit(event.response())
            elif isinstance(event, self.events.CloseConnection):
                if self.protocol.state.name == "REMOTE_CLOSING":
                    await self.transmit(event.response())
                self.writer.close()
                raise Closed(event.code)

    async def ping(self, payload):
        await self.transmit(self.events.Ping(payload=payload))
        kept = []
        while True:
            event = await self.event()
            if isinstance(event, self.events.Pong) and bytes(event.payload) == payload:
                self.arrived[:0] = kept
                return
            kept.append(event)

    async def close(self):
        await self.transmit(self.events.CloseConnection(code=1000, reason="done"))
        try:
            while True:
                await self.receive()
        except Closed as closed:
            return closed.code


LIBRARIES = {
    "websockets": WebsocketsClient,
    "aiohttp": AiohttpClient,
    "wsproto": WsprotoClient,
}


class Peer:
    """One connection of the conversation; keeps what arrived before it was asked for."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        self.unread = []

    @classmethod
    async def open(cls, name, library, address, compressed, subprotocols=()):
        client = LIBRARIES[library]()
        host, _, port = address.rpartition(":")
        await client.open(host, int(port), compressed, list(subprotocols))
        return cls(name, client)

    async def send(self, *objects):
        await self.client.send("\n".join(json.dumps(each) for each in objects))

    async def receive(self):
        message = await self.client.receive()
        return message if isinstance(message, (bytes, bytearray)) else json.loads(message)

    async def take(self, **expected):
        """Waits for the first object with these fields and returns it; others stay for later."""
        looked_at = 0
        while True:
            for index in range(looked_at, len(self.unread)):
                found = self.unread[index]
                if isinstance(found, dict) and expected.items() <= found.items():
                    return self.unread.pop(index)
            looked_at = len(self.unread)
            try:
                self.unread.append(await self.receive())
            except Closed as closed:
                raise AssertionError(
                    f"{self.name} waited for {expected} and got {closed}; before: {self.unread}"
                ) from None

    async def take_binary(self):
        """Waits for the next binary message and returns its bytes."""
        while True:
            for index, found in enumerate(self.unread):
                if not isinstance(found, dict):
                    return bytes(self.unread.pop(index))
            self.unread.append(await self.receive())

    async def nothing_left(self):
        """Fails when anything arrived that no step has taken; an answered ping is the fence."""
        await self.send({"type": "ping", "id": "fence"})
        await self.take(type="pong", id="fence")
        equal(f"messages to {self.name} that nobody waited for", self.unread, [])


def equal(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


class Conversation:
    """The steps, in order; each is a method whose summary says what is promised."""

    def __init__(self, library, address, compressed):
        self.library, self.address, self.compressed = library, address, compressed
        self.room = f"lobby-{library}-{'deflate' if compressed else 'plain'}"

    async def peer(self, name, subprotocols=()):
        return await Peer.open(name, self.library, self.address, self.compressed, subprotocols)

    async def welcome(self):
        """the subprotocol is echoed when offered, and welcome comes first either way"""
        self.anna = await self.peer("anna", [SUBPROTOCOL])
        self.bert = await self.peer("bert")
        equal("subprotocol of the one that offers it", self.anna.client.subprotocol, SUBPROTOCOL)
        equal("subprotocol of the one that offers none", self.bert.client.subprotocol, None)
        for peer in (self.anna, self.bert):
            equal("permessage-deflate agreed", peer.client.compressed, self.compressed)
            peer.welcome = await peer.receive()
            equal("type of the first message", peer.welcome.get("type"), "welcome")
            for field in ("connection", "node", "ping_ms", "max_message_bytes", "version"):
                if field not in peer.welcome:
                    raise AssertionError(f"welcome has no {field}: {peer.welcome}")
        if self.anna.welcome["connection"] == self.bert.welcome["connection"]:
            raise AssertionError(f"two connections have one id: {self.anna.welcome}")

    async def join(self):
        """join is answered with the number of members, the joining one included"""
        for members, peer in enumerate((self.anna, self.bert), start=1):
            await peer.send({"type": "join", "id": 1, "room": self.room})
            answer = await peer.take(type="ok", id=1)
            equal("room of the answer", answer.get("room"), self.room)
            equal("members of the answer", answer.get("members"), members)
            equal("fields of a position", [answer.get("offset"), "epoch" in answer], [0, True])
        came = await self.anna.take(type="joined", room=self.room)
        equal("who came", came["member"]["connection"], self.bert.welcome["connection"])

    async def publish(self):
        """a publish is acknowledged and reaches every member, the sender included"""
        for sender, data in (
            (self.anna, {"text": "Grüße, 世界 🐓", "list": [1, 2.5, None, True], "nested": {}}),
            (self.bert, "a bare string"),
            (self.anna, None),
        ):
            await sender.send({"type": "publish", "id": "p", "room": self.room, "data": data})
            answer = await sender.take(type="ok", id="p")
            for peer in (self.anna, self.bert):
                message = await peer.take(type="message", room=self.room)
                equal(f"data that {peer.name} got", message.get("data"), data)
                equal(f"offset that {peer.name} got", message.get("offset"), answer.get("offset"))
                equal("sender", message["from"]["connection"], sender.welcome["connection"])

    async def publish_without_id(self):
        """a publish without id gets no answer and is delivered all the same"""
        await self.bert.send({"type": "publish", "room": self.room, "data": [1]})
        for peer in (self.anna, self.bert):
            equal("data", (await peer.take(type="message"))["data"], [1])
            await peer.nothing_left()

    async def repeated(self):
        """a publish repeated with its key is answered alike and delivered once"""
        request = {"type": "publish", "id": 1, "room": self.room, "data": "once", "key": "k"}
        await self.anna.send(request, request)
        first, second = [await self.anna.take(type="ok", id=1) for _ in range(2)]
        equal("second answer", second, first)
        for peer in (self.anna, self.bert):
            await peer.take(type="message", data="once")
            await peer.nothing_left()

    async def order(self):
        """messages of one sender arrive in their order"""
        texts = [f"{number} {'x' * number}" for number in range(60)]
        for start in range(0, 60, 20):
            await self.anna.send(
                *(
                    {"type": "publish", "room": self.room, "data": text}
                    for text in texts[start : start + 20]
                )
            )
        for peer in (self.anna, self.bert):
            found = [(await peer.take(type="message"))["data"] for _ in texts]
            equal(f"messages in the order in which {peer.name} got them", found, texts)

    async def errors(self):
        """what cannot be done gets an error with its code, and the connection stays"""
        for request, code in (
            ({"type": "join", "id": 7}, "bad_request"),
            ({"type": "join", "id": 8, "room": ""}, "bad_request"),
            ({"type": "publish", "id": 9, "room": self.room}, "bad_request"),
            ({"type": "dance", "id": 10}, "unknown_type"),
            ({"type": "publish", "id": 11, "room": "elsewhere", "data": 1}, "not_joined"),
            ({"type": "leave", "id": "12", "room": "elsewhere"}, "not_joined"),
        ):
            await self.anna.send(request)
            answer = await self.anna.take(type="error", id=request["id"])
            equal(f"code for {request}", answer.get("code"), code)
            if not answer.get("message"):
                raise AssertionError(f"an error without a message: {answer}")
        await self.anna.client.send('{"type":"ping","id":13} {"type":')
        await self.anna.take(type="pong", id=13)
        answer = await self.anna.take(type="error")
        equal("code for broken JSON", answer.get("code"), "bad_request")
        await self.anna.nothing_left()

    async def pings(self):
        """a ping is answered: the protocol's own and the frame of RFC 6455"""
        for number in (0, -1, 9007199254740993, "text", ""):
            await self.anna.send({"type": "ping", "id": number})
            await self.anna.take(type="pong", id=number)
        await self.anna.client.ping(b"are you there?")
        await self.anna.client.ping(b"")

    async def batches(self):
        """several objects in one text message are answered one by one, in order"""
        await self.anna.client.send(
            '{"type":"ping","id":1}{"type":"dance","id":2}\r\n\n'
            '{"type":"ping",\n "id":3, "extra":{"unknown":["fields","are","ignored"]}}\t'
        )
        answers = [await self.anna.receive() for _ in range(3)]
        found = [(answer.get("type"), answer.get("id")) for answer in answers]
        equal("answers", found, [("pong", 1), ("error", 2), ("pong", 3)])

    async def binary(self):
        """a binary publish reaches the members as a binary message and gets no answer"""
        name = self.room.encode()
        for payload in (bytes(range(256)), b""):
            await self.bert.client.send(bytes([1, len(name)]) + name + payload)
            offsets = []
            for peer in (self.anna, self.bert):
                found = await peer.take_binary()
                # Version, flags with an offset to come, name, offset, payload.
                start = bytes([1, 1, len(name)]) + name
                equal(f"start of the message to {peer.name}", found[: len(start)], start)
                offsets.append(int.from_bytes(found[len(start) : len(start) + 8], "big"))
                equal(f"payload that {peer.name} got", found[len(start) + 8 :], payload)
                await peer.nothing_left()
            equal("offsets of one message", offsets[0], offsets[1])

    async def send(self):
        """a send reaches one connection, wherever it is"""
        target = {"connection": self.bert.welcome["connection"]}
        await self.anna.send({"type": "send", "id": 15, "to": target, "data": {"psst": 1}})
        equal("delivered", (await self.anna.take(type="ok", id=15)).get("delivered"), 1)
        equal("data", (await self.bert.take(type="direct"))["data"], {"psst": 1})

    async def presence(self):
        """presence names the members"""
        await self.anna.send({"type": "presence", "id": 16, "room": self.room})
        found = [each["connection"] for each in (await self.anna.take(type="ok", id=16))["members"]]
        both = [peer.welcome["connection"] for peer in (self.anna, self.bert)]
        equal("members", sorted(found), sorted(both))

    async def leave(self):
        """one who left gets nothing more, and comes back to all that was missed"""
        await self.anna.send({"type": "leave", "id": 20, "room": self.room})
        await self.anna.take(type="ok", id=20)
        gone = await self.bert.take(type="left", room=self.room)
        equal("who went", gone["member"]["connection"], self.anna.welcome["connection"])
        missed = ["first", "second"]
        positions = []
        for data in missed:
            await self.bert.send({"type": "publish", "id": 21, "room": self.room, "data": data})
            positions.append(await self.bert.take(type="ok", id=21))
            await self.bert.take(type="message", data=data)
        await self.anna.nothing_left()
        since = {"epoch": positions[0]["epoch"], "offset": positions[0]["offset"] - 1}
        await self.anna.send({"type": "join", "id": 22, "room": self.room, "since": since})
        answer = await self.anna.take(type="ok", id=22)
        found = [answer.get("members"), answer.get("recovered"), answer.get("offset")]
        equal("members, recovered, offset", found, [2, True, positions[1]["offset"]])
        found = [(await self.anna.take(type="message"))["data"] for _ in missed]
        equal("what was missed", found, missed)
        await self.bert.take(type="joined", room=self.room)
        await self.anna.send({"type": "history", "id": 23, "room": self.room, "limit": 2})
        logged = (await self.anna.take(type="ok", id=23))["messages"]
        equal("messages of the history", len(logged), 2)

    async def large(self):
        """a message of the largest size is served; one byte more closes with 1009"""
        most = self.anna.welcome["max_message_bytes"]
        request = {"type": "publish", "id": 30, "room": self.room, "data": ""}
        request["data"] = "0123456789abcdef" * (most // 16 + 1)
        request["data"] = request["data"][: most - len(json.dumps({**request, "data": ""}))]
        equal("bytes of the request", len(json.dumps(request)), most)
        await self.anna.send(request)
        await self.anna.take(type="ok", id=30)
        await self.bert.take(type="message", data=request["data"])
        request["data"] += "!"
        await self.anna.send(request)
        try:
            while True:
                await self.anna.receive()
        except Closed as closed:
            equal("close code", closed.code, 1009)

    async def goodbye(self):
        """a close is answered with its code"""
        equal("close code", await self.bert.client.close(), 1000)

    STEPS = (
        welcome,
        join,
        publish,
        publish_without_id,
        repeated,
        order,
        errors,
        pings,
        batches,
        binary,
        send,
        presence,
        leave,
        large,
        goodbye,
    )


async def hold(library, address):
    for compressed in (False, True):
        conversation = Conversation(library, address, compressed)
        kind = "with permessage-deflate" if compressed else "without compression"
        for step in Conversation.STEPS:
            said = f"{library} {kind}: {step.__doc__}"
            try:
                await asyncio.wait_for(step(conversation), DEADLINE_SECONDS)
            except asyncio.TimeoutError:
                end(f"NOT {said}\n    nothing more came in {DEADLINE_SECONDS} s")
            except Exception as problem:  # whatever a library throws belongs to the step
                end(f"NOT {said}\n    {type(problem).__name__}: {problem}")
            print(f"ok  {said}", flush=True)


def end(message):
    """Ends the process where it stands: the libraries' own farewells would hide the message."""
    print(message, file=sys.stderr, flush=True)
    os._exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=sorted(LIBRARIES))
    parser.add_argument("address", metavar="HOST:PORT")
    arguments = parser.parse_args()
    asyncio.run(hold(arguments.library, arguments.address))


if __name__ == "__main__":
    main()
