// Uses roost.js against real nodes, under Node:
//
//   node client.mjs recover MODULE URL          a reader and a writer whose nodes are killed
//   node client.mjs tokens MODULE URL SECRET    a token that is refreshed, taken back, and kicked
//   node client.mjs move MODULE URL             six clients, of whose nodes one drains
//
// What the test has to do meanwhile is asked for by a line ("kill NAME", "drain NAME", "revoke", "kick"). The
// last line is "done", after which the program ends by itself, because the clients hold nothing.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { pathToFileURL } from "node:url";

const [story, module, url, secret] = process.argv.slice(2);
const { Roost } = await import(pathToFileURL(module).href);
const DEADLINE = 60_000;

const ask = (line) => process.stdout.write(`${line}\n`);

/** Waits for a condition; the deadline ends a broken run. */
async function until(what, condition) {
  const end = performance.now() + DEADLINE;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** A client that writes down what is told of its state and of holes. */
function client(address, options) {
  const roost = new Roost(address, options);
  roost.states = [];
  roost.holes = [];
  roost.on("state", ({ state, code }) => roost.states.push(code ? `${state} ${code}` : state));
  for (const event of ["gap", "reset", "error"]) roost.on(event, (told) => roost.holes.push(told));
  roost.connect();
  return roost;
}

async function recover() {
  const reader = client(`${url}/ws?user=reader`);
  const writer = client(`${url}/ws?user=writer`);
  const name = "all:story";
  const room = reader.join(name);
  const read = [];
  const readByWriter = [];
  room.on("message", ({ data, offset }) => read.push({ data, offset }));
  writer.join(name).on("message", ({ data, offset }) => readByWriter.push({ data, offset }));
  let joins = 0;
  room.on("room", ({ state }) => {
    if (state === "joined") joins += 1;
  });
  await until("the room is joined", () => joins === 1);

  const results = [];
  let failed = 0;
  let waiting = 0;
  const writing = setInterval(() => {
    if (waiting >= 50) return;
    const place = results.length;
    results.push(undefined);
    waiting += 1;
    writer.room(name).publish(place).then(
      (position) => {
        results[place] = position;
        waiting -= 1;
      },
      (problem) => {
        failed += 1;
        console.error(`publish ${place}: ${problem.code} ${problem.message}`);
      });
  }, 5);
  const more = async (count) => {
    const wanted = read.length + count;
    await until(`${wanted} messages are read`, () => read.length >= wanted);
  };

  for (const victim of [reader, writer]) {
    await more(50);
    const { node } = victim.welcome;
    ask(`kill ${node}`);
    await until("it is on another node", () => victim.welcome && victim.welcome.node !== node);
    await more(50);
  }
  clearInterval(writing);
  await until("all publishes have their reply", () => waiting === 0);
  await until("all is read", () => Math.min(read.length, readByWriter.length) >= results.length);

  assert.equal(failed, 0);
  for (const { holes } of [reader, writer]) {
    // The rooms that the server gives keep no history, and a message to them may have been missed.
    assert.deepEqual(holes.filter((hole) => !hole.room?.startsWith("user:")), []);
  }
  assert.ok(joins >= 2, `the room was joined ${joins} times`);
  // Offsets show that nothing is missing and nothing is there twice; each message is where its
  // reply said.
  assert.deepEqual(read, readByWriter);
  assert.deepEqual(read.map(({ offset }) => offset), read.map((_, place) => place + 1));
  const data = read.map((message) => message.data);
  assert.deepEqual([...data].sort((one, other) => one - other), results.map((_, place) => place));
  for (const message of read) assert.equal(results[message.data].offset, message.offset);

  assert.equal(room.position.offset, read.length);
  assert.equal(reader.room("elsewhere").position, null);
  const { messages } = await writer.room(name).history({ limit: 5, reverse: true });
  assert.deepEqual(messages.map((message) => message.data), data.slice(-5).reverse());
  await until("only the living are present", async () => {
    const { members } = await room.presence();
    return members.map(({ user }) => user).sort().join() === "reader,writer";
  });
  const direct = [];
  reader.on("direct", ({ data, from }) => direct.push([data, from.user]));
  assert.equal((await writer.send({ user: "reader" }, "hello")).delivered, 1);
  await until("the direct message came", () => direct.length === 1);
  assert.deepEqual(direct, [["hello", "writer"]]);
  const bytes = [];
  room.on("binary", ({ data }) => bytes.push([...data]));
  await writer.room(name).publish(new Uint8Array([0, 255, 7]));
  await until("the bytes came", () => bytes.length === 1);
  assert.deepEqual(bytes, [[0, 255, 7]]);
  room.leave();
  await assert.rejects(writer.room("user:reader").publish("x"), { code: "forbidden" });
  for (const one of [reader, writer]) {
    one.close();
    assert.equal(one.states.at(-1), "closed 1000");
  }
  console.error(`${read.length} messages were read`);
}

async function tokens() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const token = (lifetime) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub: "ann", iat: now, exp: now + lifetime };
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
  };
  let given = 0;
  // The first one is about to expire, so that the node says so at once.
  const roost = client(`${url}/ws`, { token: async () => token(given++ === 0 ? 5 : 3600) });
  const room = roost.join("log:tokens");
  await room.publish("before");
  const { connection, user } = roost.welcome;
  assert.equal(user, "ann");
  await until("a second token is asked for", () => given === 2);
  const expired = performance.now() + 6_000;
  await until("the first token has expired", () => performance.now() > expired);
  await room.publish("after");
  assert.equal(roost.welcome.connection, connection);
  assert.deepEqual(roost.states, ["connecting", "open"]);

  ask("revoke");
  await until("it was thrown out", () => roost.states.includes("waiting 4001"));
  // Another token is let in as soon as it is younger than what was taken back.
  await until("it is back with another token", () => roost.state === "open");
  assert.ok(given >= 3);
  // Its ticket says who it was, not what it may do.
  assert.equal(roost.welcome.connection, connection);
  await room.publish("again");
  const { messages } = await room.history();
  assert.deepEqual(messages.map(({ data }) => data), ["before", "after", "again"]);

  ask("kick");
  await until("it is closed for good", () => roost.state === "closed");
  assert.equal(roost.states.at(-1), "closed 4003");
  await assert.rejects(room.publish("too late"), { code: "closed" });
  // The room that the server gives keeps no history, and a message to it may have been missed.
  assert.deepEqual(roost.holes.filter(({ room }) => room !== "user:ann"), []);
}

async function move() {
  const rooms = ["log:story", "all:story", "here:story", "plain"];
  const clients = Array.from({ length: 6 }, (_, place) => client(`${url}/ws?user=u${place}`));
  for (const one of clients) {
    one.read = {};
    one.moves = one.joins = 0;
    one.members = [];
    one.on("moved", () => (one.moves += 1));
    one.on("room", () => (one.joins += 1));
    for (const event of ["joined", "left"])
      one.on(event, ({ member }) => one.members.push(`${event} ${member.user}`));
    for (const name of rooms)
      one.join(name).on("message", ({ data }) => (one.read[name] ??= []).push(data));
    await until("all rooms are joined", () => one.joins === rooms.length);
  }
  await until("the first has seen all others come", () => clients[0].members.length === 10);
  for (const one of clients) one.members.length = 0;

  const victim = clients[0].welcome.node;
  const connections = clients.map((one) => one.welcome.connection);
  const movers = clients.filter((one) => one.welcome.node === victim);
  let count = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      count += 1;
      await Promise.all(rooms.map((name) => clients[0].room(name).publish(count)));
    }
  })();
  await until("writing is under way", () => count > 20);
  ask(`drain ${victim}`);
  await until("all have moved", () => movers.every((one) => one.moves === 1));
  const moved = count;
  await until("writing goes on", () => count > moved + 20);
  isOver = true;
  await writing;

  const all = Array.from({ length: count }, (_, place) => place + 1);
  for (const one of clients) {
    for (const name of rooms) {
      await until("all is read", () => one.read[name]?.length >= count);
      // Without a log two nodes may overtake each other at the moment of the change.
      const hasLog = name === "log:story" || name === "all:story";
      const read = hasLog ? one.read[name] : [...one.read[name]].sort((a, b) => a - b);
      assert.deepEqual(read, all, name);
    }
    assert.deepEqual(one.states, ["connecting", "open"]);
    assert.deepEqual([one.holes, one.members, one.joins], [[], [], rooms.length]);
    assert.equal(one.moves, movers.includes(one) ? 1 : 0);
    assert.notEqual(one.welcome.node, victim);
  }
  assert.deepEqual(clients.map((one) => one.welcome.connection), connections);
  for (const one of clients) one.close();
  console.error(`${movers.length} clients moved, ${count} messages were read in each room`);
}

await { recover, tokens, move }[story]();
ask("done");
