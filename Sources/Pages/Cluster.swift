// swift-format-ignore-file
// The cluster page as one string, because resources of a package would pull in Foundation. Written by
// ops/pages from cluster.html, which is the file to edit; a test compares the two byte for byte.

/// The page that an operator watches the cluster with, served at `/` of the admin port.
public enum ClusterPage {
  /// The media type to serve the page with.
  public static let contentType = "text/html; charset=utf-8"

  /// The value of the Content-Security-Policy header to serve the page with.
  ///
  /// It allows the page's one script and one style by their hashes, its icon, and connections to the
  /// host that served it; nothing else.
  public static let contentSecurityPolicy =
    "default-src 'none'; script-src 'sha256-D0cUNy3eNvElHPtmtSxxi59Itd4WN+d4EWkkcHAXu5s='; style-src 'sha256-WGrHe6WlorOrEfwxjr6MAnh6Wc7/3I9xYXb4lsyZ3WI='; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

  /// The page, UTF-8, 38098 bytes.
  public static let html = ##"""
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="referrer" content="no-referrer">
<title>Roost cluster</title>
<link rel="icon" href="data:,">
<style>
:root {
  color-scheme: light dark;
  --ground: light-dark(#f3f1eb, #0d1315);
  --panel: light-dark(#fdfcf9, #141c1f);
  --sunken: light-dark(#efece4, #0f1719);
  --line: light-dark(#e0dcd0, #243136);
  --edge: light-dark(#878475, #64767c);
  --ink: light-dark(#1a2224, #e6edec);
  --quiet: light-dark(#586264, #96a7ab);
  --accent: light-dark(#a5470f, #f2a65f);
  --tint: light-dark(#f9e9dc, #30241a);
  --on-accent: light-dark(#ffffff, #1c1106);
  --teal: light-dark(#0b665e, #63cfc2);
  --teal-soft: light-dark(#dcefeb, #12302e);
  --bad: light-dark(#a8231b, #ff978c);
  --bad-soft: light-dark(#fbe6e2, #391d1b);
  --warn: light-dark(#7d5200, #ecc063);
  --warn-soft: light-dark(#f8edd0, #31280f);
  --mono: ui-monospace, Menlo, Consolas, monospace;
  --rule: 1px solid var(--line);
  --gap: 20px;
}
* { box-sizing: border-box; margin: 0; padding: 0; }
[hidden] { display: none !important; }
body { min-height: 100dvh; background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
ul, ol { list-style: none; }
h2 { font-size: 15px; font-weight: 650; }
h3 { font-size: 13px; font-weight: 620; }
button, input, select, textarea { font: inherit; color: inherit; }
code, pre, .mono { font: 12px/1.5 var(--mono); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.quiet, dt, small { color: var(--quiet); }
.grow { flex: 1; min-width: 0; }
.clip { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; padding: 6px 12px; background: var(--panel); z-index: 2; }

/* Controls */
button, input, select, textarea { min-width: 0; min-height: 34px; padding: 5px 11px; border: 1px solid var(--edge); border-radius: 7px; background: var(--panel); }
button { font-weight: 550; white-space: nowrap; cursor: pointer; }
@media (hover: hover) { button:hover:enabled { background: var(--tint); border-color: var(--accent); } }
button:disabled { opacity: .55; cursor: not-allowed; }
.primary, .primary:hover:enabled { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.danger { color: var(--bad); }
.plain { border-color: transparent; background: none; color: var(--quiet); }
.small { min-height: 28px; padding: 2px 9px; font-size: 12px; }
.link { min-height: 24px; padding: 0; border: 0; background: none !important; color: var(--accent); text-align: left; text-decoration: underline; text-underline-offset: 2px; white-space: normal; }
[type="checkbox"] { min-height: 0; margin-right: 4px; vertical-align: -1px; accent-color: var(--accent); }
::placeholder { color: var(--quiet); opacity: 1; }
progress { appearance: none; display: block; width: 100%; height: 6px; border: 0; border-radius: 3px; overflow: hidden; background: var(--line); color: var(--teal); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--teal); }
progress::-moz-progress-bar { background: var(--teal); }
progress.high::-webkit-progress-value { background: var(--bad); }
progress.high::-moz-progress-bar { background: var(--bad); }

/* Head */
header, .row, .head { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
header { padding: 10px var(--gap); border-bottom: var(--rule); background: var(--panel); }
h1 { display: flex; align-items: center; gap: 8px; flex: 1; font-size: 16px; font-weight: 680; white-space: nowrap; }
h1 span { font-weight: 400; }
h1 svg { width: 30px; height: 30px; color: var(--accent); }
.pill { padding: 2px 10px; border-radius: 99px; background: var(--sunken); color: var(--quiet); font-size: 12px; font-weight: 600; line-height: 20px; white-space: nowrap; }
.pill::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 6px; border-radius: 50%; background: currentColor; }
.good, [data-phase="serving"] { background: var(--teal-soft); color: var(--teal); }
.warn, [data-phase="draining"], [data-phase="starting"] { background: var(--warn-soft); color: var(--warn); }
.bad, [data-phase="stopped"] { background: var(--bad-soft); color: var(--bad); }
.notice { padding: 8px var(--gap); border-bottom: var(--rule); font-size: 13px; }

/* Sections */
main { display: grid; gap: var(--gap); max-width: 1500px; margin: 0 auto; padding: var(--gap); }
section > .head { margin-bottom: 10px; }
.panel { padding: 14px 16px; border: var(--rule); border-radius: 10px; background: var(--panel); }
#key-form { display: grid; gap: 10px; width: min(440px, 100%); margin: 8vh auto; }
#totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
#totals dt { font-size: 12px; }
#totals dd { font-size: 24px; font-weight: 640; line-height: 1.3; font-variant-numeric: tabular-nums; }
.spark { display: block; width: 100%; height: 34px; color: var(--teal); }
.spark polyline { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.spark polygon { fill: currentColor; opacity: .14; }
#node-list { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 12px; }
.node { display: grid; gap: 8px; align-content: start; }
.node[data-stale] { opacity: .7; border-style: dashed; }
.node .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 16px; }
.node dl { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4px 12px; font-size: 13px; }
.node dt, .node small { font-size: 11px; }
.node dd { font-variant-numeric: tabular-nums; }
.links { display: flex; gap: 6px; flex-wrap: wrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 12px; align-items: start; }
table { width: 100%; border-collapse: collapse; font-size: 13px; }
caption { padding-bottom: 6px; text-align: left; font-weight: 620; }
th { padding: 2px 6px 2px 0; color: var(--quiet); font-size: 11px; font-weight: 500; text-align: left; }
td { padding: 3px 6px 3px 0; border-top: var(--rule); vertical-align: middle; }
thead td { border: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.empty { padding: 8px 0; font-size: 13px; }
.log { max-height: 320px; overflow-y: auto; overscroll-behavior: contain; padding: 6px 10px; border: var(--rule); border-radius: 7px; background: var(--sunken); }
.log li { padding: 2px 0; font: 12px/1.5 var(--mono); white-space: pre-wrap; }
.log b { color: var(--teal); font-weight: 600; }
textarea { width: 100%; min-height: 60px; resize: vertical; }
dialog { margin: auto; width: min(440px, calc(100% - 32px)); padding: 18px; border: var(--rule); border-radius: 10px; background: var(--panel); color: inherit; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog p { margin: 8px 0 14px; }
.end { justify-content: flex-end; }
@media (max-width: 700px) {
  :root { --gap: 12px; }
  input, select, textarea { min-height: 42px; font-size: 16px; }
  button { min-height: 40px; }
  .small { min-height: 36px; font-size: 13px; }
  .link { min-height: 32px; }
  #totals { grid-template-columns: 1fr 1fr; }
  #totals dd { font-size: 20px; }
}
</style>
</head>
<body>
<svg hidden><symbol id="bird" viewBox="0 0 32 32"><path d="M2 26q14 3.5 28 0" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/><path d="M4 12l7 3.5C12 9.5 15.5 6.5 20 6.5c3.2 0 5.3 1.9 5.7 4.3l3.8 1.4-3.7 1.9C25.6 21 21.5 25.6 16 25.6 10.5 25.6 6 20.5 4 12z" fill="currentColor"/><circle cx="21.4" cy="11" r="1.15" fill="var(--panel)"/></symbol></svg>
<a class="skip" href="#main">To the figures</a>
<header>
<h1><svg aria-hidden="true"><use href="#bird"/></svg><div>Roost <span class="quiet">cluster</span></div></h1>
<span id="status" class="pill" role="status">Loading</span>
<button id="pause-button" class="small" aria-pressed="false" hidden>Pause</button>
<button id="forget-button" class="small" hidden>Forget the key</button>
<button id="theme-button" class="plain small"></button>
</header>
<div id="notice" class="notice bad" role="alert" hidden></div>
<main id="main">
<form id="key-form" class="panel" hidden>
<h2>This cluster needs an API key</h2>
<p class="quiet">One of <code>auth.api_keys</code>. It stays in this tab until the tab is closed, and is sent as a header only.</p>
<label for="key-field">API key</label>
<input id="key-field" type="password" autocomplete="off" spellcheck="false" required>
<p id="key-error" class="danger" role="alert"></p>
<button id="key-button" class="primary">Open</button>
</form>
<div id="figures" hidden>
<section aria-labelledby="totals-title"><div class="head"><h2 id="totals-title">The cluster</h2><small id="totals-note"></small></div><dl id="totals"></dl></section>
</div>
<section id="nodes" aria-labelledby="nodes-title" hidden><div class="head"><h2 id="nodes-title">Nodes</h2><small id="nodes-note"></small></div><ul id="node-list"></ul></section>
<section id="top" aria-labelledby="top-title" hidden>
<div class="head"><h2 id="top-title" class="grow">Most of all</h2><label for="top-node" class="quiet">Node</label><select id="top-node"><option value="">All</option></select></div>
<small id="top-note"></small>
<div class="columns">
<div class="panel"><table><caption>Largest rooms</caption><thead><tr><th scope="col">Room</th><th scope="col" class="number">Members</th><th scope="col" class="number">Messages/s</th></tr></thead><tbody id="largest-rooms"></tbody></table></div>
<div class="panel"><table><caption>Busiest rooms</caption><thead><tr><th scope="col">Room</th><th scope="col" class="number">Messages/s</th></tr></thead><tbody id="busiest-rooms"></tbody></table></div>
<div class="panel"><table><caption>Deepest queues</caption><thead><tr><th scope="col">Connection</th><th scope="col">User</th><th scope="col" class="number">Queue</th><td></td></tr></thead><tbody id="deepest-queues"></tbody></table></div>
<div class="panel"><table><caption>Busiest connections</caption><thead><tr><th scope="col">Connection</th><th scope="col">User</th><th scope="col" class="number">Messages/s</th><td></td></tr></thead><tbody id="busiest-connections"></tbody></table></div>
</div>
</section>
<section id="inspector" aria-labelledby="room-title" hidden>
<div class="head"><h2 id="room-title">A room</h2></div>
<form id="room-form" class="row"><label for="room-field" class="quiet">Room</label><input id="room-field" class="grow" placeholder="chat:lobby" required autocomplete="off" autocapitalize="off" spellcheck="false"><button id="room-button" class="primary">Inspect</button></form>
<p id="room-facts" class="empty" role="status"></p>
<div id="room-panels" class="columns" hidden>
<div class="panel"><div class="head"><h3 class="grow">Members</h3><button id="members-button" class="small">Refresh</button></div><p id="member-note" class="empty quiet"></p><table><thead><tr><th scope="col">User</th><th scope="col">Connection</th><td></td></tr></thead><tbody id="member-list"></tbody></table></div>
<div class="panel"><div class="head"><h3 class="grow">History, newest first</h3><button id="history-button" class="small">Refresh</button></div><p id="history-note" class="empty quiet"></p><ol id="history-list" class="log" tabindex="0" aria-label="History"></ol></div>
<div class="panel"><div class="head"><h3 class="grow">Live</h3><button id="tail-button" class="small" aria-pressed="false">Follow</button></div><p id="tail-note" class="empty quiet">Following counts as one member.</p><ol id="tail-list" class="log" role="log" tabindex="0" aria-label="Live messages"></ol></div>
<form id="publish-form" class="panel"><h3>Publish</h3><p class="empty"><label><input id="publish-json" type="checkbox"> as JSON</label></p><textarea id="publish-text" aria-label="Message" required></textarea><div class="row"><p id="publish-result" class="grow" role="status"></p><button id="publish-button" class="primary">Publish</button></div></form>
</div>
</section>
<section id="people" aria-labelledby="user-title" hidden>
<div class="head"><h2 id="user-title">A user</h2></div>
<form id="user-form" class="row"><label for="user-field" class="quiet">User</label><input id="user-field" class="grow" required autocomplete="off" autocapitalize="off" spellcheck="false"><button id="user-button" class="primary">Find connections</button><button id="user-disconnect" type="button" class="danger" hidden>Disconnect all</button></form>
<p id="user-facts" class="empty" role="status"></p>
<div id="user-panel" class="panel" hidden><table><thead><tr><th scope="col">Connection</th><th scope="col">Node</th><th scope="col">Address</th><th scope="col" class="number">Rooms</th><th scope="col" class="number">Queue</th><td></td></tr></thead><tbody id="user-list"></tbody></table></div>
</section>
</main>
<dialog id="ask" aria-labelledby="ask-title"><form method="dialog"><h2 id="ask-title"></h2><p id="ask-text"></p><div class="row end"><button id="ask-no" value="no">Cancel</button><button id="ask-yes" value="yes" class="primary"></button></div></form></dialog>
<script>
"use strict";
// Bounds of all that grows: points of a line, lines of a list, characters of a message.
const MAX = { points: 60, lines: 200, text: 2000, members: 200, bytes: 1 << 20 };
const INTERVAL_MS = 2000;

// ui.roomField is the element with the id room-field. Data enters the page as text nodes only.
const ui = new Proxy({}, { get: (_, name) => document.getElementById(name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase())) });
const write = (name, value) => { if (ui[name].textContent !== String(value)) ui[name].textContent = value; };
const make = (kind, ...children) => {
  const [tag, ...classes] = kind.split("."), element = document.createElement(tag);
  element.className = classes.join(" ");
  element.append(...children);
  return element;
};
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const short = (number) => {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e4]]) if (number >= size) return `${+(number / (unit === "k" ? 1e3 : size)).toFixed(1)}${unit}`;
  return String(+number.toFixed(number < 10 ? 1 : 0));
};
const size = (bytes) => {
  let unit = 0;
  for (; bytes >= 1024 && unit < 4; unit += 1) bytes /= 1024;
  return `${+bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
};
const span = (seconds) => seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min` : seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
const cut = (text) => text.length > MAX.text ? `${text.slice(0, MAX.text)}… (${text.length} characters)` : text;
const segment = (text) => encodeURIComponent(text).replace(/^\.{1,2}$/, (dots) => dots.replaceAll(".", "%2E"));
// Storage may be forbidden.
const stored = (storage, name, value) => {
  try { return value === undefined ? window[storage][name] : value === null ? delete window[storage][name] : window[storage][name] = value; } catch { return undefined; }
};
let memoryKey;
const key = () => stored("sessionStorage", "roostKey") ?? memoryKey;

// Requests: the key goes into a header, never into an address, and no cookie goes along.

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The node answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

async function call(method, path, { body, headers = {}, signal = AbortSignal.timeout(10000) } = {}) {
  const wanted = key();
  if (wanted) headers.Authorization = `Bearer ${wanted}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, body, headers, signal, credentials: "omit", cache: "no-store", redirect: "error" });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) askForKey(wanted ? problem.detail ?? "The key is not a known one." : "");
  throw new Refused(response.status, problem);
}
const read = async (path) => (await call("GET", path)).json();

// The key

function askForKey(sentence) {
  stop();
  stored("sessionStorage", "roostKey", null);
  memoryKey = undefined;
  for (const part of ["figures", "nodes", "top", "inspector", "people"]) ui[part].hidden = true;
  ui.pauseButton.hidden = ui.forgetButton.hidden = true;
  setStatus("Locked", "warn");
  write("keyError", sentence);
  if (!ui.keyForm.hidden) return;
  ui.keyForm.hidden = false;
  ui.keyField.value = "";
  ui.keyField.focus();
}

function setStatus(text, kind) {
  write("status", text);
  ui.status.className = `pill ${kind}`;
}

// Lines

function spark(points, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${MAX.points - 1} 30`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const highest = Math.max(...points, 1e-9), start = MAX.points - points.length;
  const line = points.map((value, place) => `${start + place},${(29 - 27 * value / highest).toFixed(1)}`);
  for (const [kind, places] of [["polygon", [`${start},30`, ...line, `${MAX.points - 1},30`]], ["polyline", line.length > 1 ? line : [`${start - 1},29`, ...line]]]) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", kind);
    shape.setAttribute("points", places.join(" "));
    svg.append(shape);
  }
  return svg;
}

// What was before, by series; a node that is gone takes its series along.
let series = new Map();
function remember(name, value) {
  const points = series.get(name) ?? [];
  points.push(value);
  points.splice(0, points.length - MAX.points);
  series.set(name, points);
  return points;
}

// Nodes

const TOTALS = [
  ["Connections", (node) => node.connections ?? 0],
  ["Messages in/s", (node) => node.rates?.messages_in ?? 0],
  ["Messages out/s", (node) => node.rates?.messages_out ?? 0],
  ["Handshakes/s", (node) => node.rates?.handshakes ?? 0],
  ["Queued", (node) => node.queue_bytes ?? 0, size],
];
const draining = new Map();

function paintNodes({ nodes, missing = [] }) {
  nodes.sort((one, other) => (one.phase === "serving") - (other.phase === "serving") || (one.node < other.node ? -1 : 1));
  const known = new Set(["cluster", ...nodes.map((node) => node.incarnation)]);
  series = new Map([...series].filter(([name]) => known.has(name.slice(0, name.lastIndexOf("\n")))));
  ui.totals.replaceChildren(...TOTALS.map(([name, value, text = short]) => {
    const now = nodes.reduce((sum, node) => sum + value(node), 0);
    return make("div.panel", make("dt", name), make("dd", text(now)), spark(remember(`cluster\n${name}`, now), `${name}, the last two minutes`));
  }));
  write("totalsNote", `${plural(nodes.length, "node")}, ${nodes.filter((node) => node.phase === "serving" && !node.not_ready).length} ready`);
  write("nodesNote", missing.length ? `Cannot be seen: ${missing.join(", ")}` : "");
  ui.nodeList.replaceChildren(...nodes.map(card));
  const chosen = ui.topNode.value;
  const options = ["", ...nodes.map((node) => node.node)];
  if (options.join("\n") !== [...ui.topNode.options].map((option) => option.value).join("\n")) {
    ui.topNode.replaceChildren(...options.map((name) => Object.assign(make("option", name || "All"), { value: name })));
    ui.topNode.value = options.includes(chosen) ? chosen : "";
  }
}

// How far the node is that answers here; what the others say is in their phase and their connections.
let drain;
const STEPS = { grace: "Still accepting, until balancers know", moving: "Sending connections away", flushing: "Ending", cut: "Cut short" };

function drainWords({ step, pace, closed, window_ends_at: end } = {}, left, most) {
  const words = [`${short(left)} of ${plural(most, "connection")} left`];
  if (step) words.unshift(STEPS[step] ?? step);
  if (pace) words.push(`${short(pace)}/s`, `about ${span(Math.ceil(left / pace))} to go`);
  if (end) words.push(`at the latest in ${span(Math.max(0, Math.ceil((end - Date.now()) / 1000)))}`);
  if (closed) words.push(`${short(closed)} had to be closed`);
  return words.join(" · ");
}

function drainButton({ node, self, phase }) {
  const made = (text, why, action) => {
    const element = button("small", text, `${text} ${node}`, action);
    return Object.assign(element, { disabled: Boolean(why), title: why });
  };
  if (!self) return made("Drain", "Only the node that answers here can be drained: open its own page.");
  if (phase === "draining") {
    const why = drain?.cause === "signal" ? "A signal asked for the drain." : drain?.step === "grace" ? "" : "Too late: connections are being sent away.";
    return made("Undrain", why, () => act("/v1/undrain", `${node} serves on.`));
  }
  return made("Drain", phase === "serving" ? "" : "The node does not serve.", async () => {
    const text = `${node} sends its connections to the other nodes and then ends. It can be taken back until it stops accepting.`;
    if (await confirmed("Drain?", text, "Drain")) act("/v1/drain", `${node} drains.`);
  });
}

const act = (path, sentence) => attempt(async () => {
  drain = await (await call("POST", path)).json();
  notify(sentence, true);
  look();
});

function card(node) {
  const { rates = {}, redis, connections = 0, connections_max: limit } = node;
  const element = make("li.panel.node");
  element.dataset.node = node.node;
  if ((node.figures_age_ms ?? 0) > 5000 || !node.phase) element.dataset.stale = "";
  const phase = make("span.pill", node.phase ?? "silent");
  phase.dataset.phase = node.phase ?? "stopped";
  element.append(make("div.row", make("h3.grow", node.node, node.self ? make("small", " answers here") : ""), phase, drainButton(node)));
  if (node.not_ready) element.append(make("p.danger", `Not ready: ${node.not_ready}`));
  if (node.phase === "draining") {
    const most = Math.max(draining.get(node.incarnation) ?? 0, connections);
    draining.set(node.incarnation, most);
    const bar = Object.assign(document.createElement("progress"), { max: Math.max(most, 1), value: most - connections });
    bar.ariaLabel = `Connections of ${node.node} that have moved`;
    element.append(bar, make("small.drain", drainWords(node.self ? drain : undefined, connections, most)));
  } else draining.delete(node.incarnation);
  const full = Object.assign(document.createElement("progress"), { max: limit || 1, value: connections });
  full.ariaLabel = `Connections of ${node.node}`;
  if (limit && connections > .9 * limit) full.className = "high";
  const line = (name, value) => make("div", make("div.row", make("small.grow", name), make("b", short(value))), spark(remember(`${node.incarnation}\n${name}`, value), `${name} of ${node.node}: ${short(value)}`));
  element.append(
    make("div", make("div.row", make("b.grow", plural(connections, "connection")), make("small", limit ? `of ${short(limit)}` : "")), full),
    make("div.pair", line("Connections", connections), line("Messages out/s", rates.messages_out ?? 0), line("Messages in/s", rates.messages_in ?? 0), line("Handshakes/s", rates.handshakes ?? 0)));
  const facts = [
    ["Rooms", node.rooms, short], ["Queued", node.queue_bytes, size], ["Memory", node.resident_bytes, size],
    ["Load", node.load, (share) => `${Math.round(100 * share)} %`], ["Takes", node.handshakes_per_second, (rate) => `${short(rate)}/s`],
    ["Up", node.uptime_seconds, span], ["Version", node.version, String], ["Lease", node.lease_age_ms, (age) => `${(age / 1000).toFixed(1)} s old`],
    ["Figures", node.figures_age_ms, (age) => `${(age / 1000).toFixed(1)} s old`],
  ].filter(([, value]) => value !== undefined);
  element.append(make("dl", ...facts.map(([name, value, text]) => make("div", make("dt", name), make("dd", text(value))))));
  if (redis) {
    const link = (name, isOpen) => make(`span.pill.${isOpen ? "good" : "bad"}`, `${name} ${isOpen ? "open" : "down"}`);
    element.append(make("div.links", make("small", "Redis"), link("commands", redis.commands), link("messages", redis.subscriptions),
      redis.late ? make("span.pill.warn", "probe late") : "", redis.probe_age_ms === undefined ? "" : make("small", `probe ${redis.probe_age_ms} ms ago`)));
  }
  return element;
}

// Most of all

const cell = (content, isNumber) => make(isNumber ? "td.number" : "td", content ?? "");
function fill(name, rows, columns, nothing) {
  ui[name].replaceChildren(...rows.length ? rows : [make("tr", Object.assign(make("td.quiet", nothing), { colSpan: columns }))]);
}
function button(kind, text, label, action) {
  const element = Object.assign(make(`button.${kind}`, text), { type: "button", ariaLabel: label });
  element.addEventListener("click", action);
  return element;
}
const roomLink = (name) => button("link", name, `Inspect the room ${name}`, () => inspect(name, true));
const userLink = (name) => name === undefined ? make("span.quiet", "anonymous") : button("link", name, `Connections of ${name}`, () => findUser(name, true));
const cutter = (connection) => button("small.danger", "Disconnect", `Disconnect ${connection}`, () => disconnect(`/v1/connections/${segment(connection)}`, `the connection ${connection}`));

function paintTop({ rooms = [], busiest_rooms: busy = [], queues = [], busiest_connections: talkers = [], missing = [] }) {
  // What is being used is not taken from under somebody's fingers.
  if (ui.top.contains(document.activeElement) && document.activeElement !== ui.topNode) return;
  fill("largestRooms", rooms.map((room) => make("tr", cell(roomLink(room.room)), cell(short(room.members), true), cell(short(room.messages_per_second), true))), 3, "No room has a member.");
  fill("busiestRooms", busy.map((room) => make("tr", cell(roomLink(room.room)), cell(short(room.messages_per_second), true))), 2, "Nothing was said lately.");
  const who = (one) => make("td", make("span.mono", one.connection), make("br"), make("small", `${one.node} · ${one.address} · ${plural(one.room_count, "room")}`));
  fill("deepestQueues", queues.map((one) => make("tr", who(one), cell(userLink(one.user)), cell(size(one.queue_bytes), true), cell(cutter(one.connection)))), 4, "Nothing waits.");
  fill("busiestConnections", talkers.map((one) => make("tr", who(one), cell(userLink(one.user)), cell(short(one.messages_per_second), true), cell(cutter(one.connection)))), 4, "Nobody spoke lately.");
  write("topNote", missing.length ? `Did not answer: ${missing.join(", ")}` : "");
}

// Doing something

function confirmed(title, text, action) {
  write("askTitle", title);
  write("askText", text);
  write("askYes", action);
  ui.ask.showModal();
  // Not by `close`: that comes late, and the one of the question before would answer this one.
  return new Promise((done) => {
    ui.askYes.onclick = () => done(true);
    ui.askNo.onclick = ui.ask.oncancel = () => done(false);
  });
}

function notify(text, isGood) {
  ui.notice.hidden = !text;
  ui.notice.className = `notice ${isGood ? "good" : "bad"}`;
  write("notice", text);
  clearTimeout(notify.timer);
  // What went well need not stay.
  if (text && isGood) notify.timer = setTimeout(notify, 10000, "");
}

async function attempt(action) {
  try { return await action(); } catch (error) {
    if (error.status !== 401) notify(explain(error));
    return undefined;
  }
}
const explain = (error) => error instanceof Refused ? `${error.message}${error.problem.missing ? ` Missing: ${error.problem.missing.join(", ")}.` : ""}` : error.name === "TimeoutError" ? "The node did not answer in time." : "The node cannot be reached.";

async function disconnect(path, what) {
  if (!await confirmed("Disconnect?", `This closes ${what} with 4003 (kicked). Roost’s own clients do not come back after it by themselves.`, "Disconnect")) return;
  await attempt(async () => {
    const { connections, missing } = await (await call("DELETE", path)).json();
    notify(`${plural(connections, "connection")} closed.${missing ? ` ${missing.join(", ")} did not answer yet and will follow.` : ""}`, !missing);
  });
}

// A room

let room, tail, shown = 0;

async function inspect(name, scrolls) {
  stopTail();
  room = name;
  const asked = shown += 1;
  ui.roomField.value = name;
  ui.tailList.replaceChildren();
  ui.publishResult.textContent = "";
  write("roomTitle", `Room ${name}`);
  if (scrolls) { ui.inspector.scrollIntoView({ block: "start" }); ui.roomField.focus({ preventScroll: true }); }
  try {
    const facts = await read(`/v1/rooms/${segment(name)}`);
    if (asked !== shown) return;
    write("roomFacts", `${plural(facts.members, "member")}${facts.offset === undefined ? ", no history" : `, offset ${facts.offset} of epoch ${facts.epoch.slice(0, 8)}…`}`);
    ui.roomPanels.hidden = false;
    members();
    history();
  } catch (error) {
    if (asked !== shown) return;
    ui.roomPanels.hidden = true;
    write("roomFacts", explain(error));
  }
}

async function members() {
  const asked = shown;
  try {
    const answer = await read(`/v1/rooms/${segment(room)}/presence`);
    if (asked !== shown) return;
    write("memberNote", answer.members.length ? "" : "Nobody is here.");
    ui.memberList.replaceChildren(...answer.members.slice(0, MAX.members).map(({ connection, user }) => {
      const kick = user === undefined ? "" : button("small", "Take out", `Take ${user} out of the room`, () => kickOut(user));
      return make("tr", cell(userLink(user)), cell(make("span.mono", connection)), make("td.number", kick, " ", cutter(connection)));
    }));
  } catch (error) {
    if (asked !== shown) return;
    ui.memberList.replaceChildren();
    write("memberNote", explain(error));
  }
}

async function kickOut(user) {
  const from = room;
  if (!await confirmed("Take out?", `This takes all connections of ${user} out of the room ${from}.`, "Take out")) return;
  await attempt(async () => {
    const { connections } = await (await call("DELETE", `/v1/rooms/${segment(from)}/users/${segment(user)}`)).json();
    notify(`${plural(connections, "connection")} taken out of ${from}.`, true);
    members();
  });
}

const line = ({ offset, data, from, time }) => make("li", make("b", offset === undefined ? "·" : `#${offset}`), ` ${time ? new Date(time).toISOString().slice(11, 19) + " " : ""}${from?.user ? from.user + ": " : ""}${cut(JSON.stringify(data) ?? "")}`);

async function history() {
  const asked = shown;
  try {
    const { messages } = await read(`/v1/rooms/${segment(room)}/history?limit=50&reverse=true`);
    if (asked !== shown) return;
    write("historyNote", messages.length ? "" : "The log is empty.");
    ui.historyList.hidden = !messages.length;
    ui.historyList.replaceChildren(...messages.map(line));
  } catch (error) {
    if (asked !== shown) return;
    ui.historyList.hidden = true;
    write("historyNote", explain(error));
  }
}

function stopTail() {
  tail?.abort();
  tail = undefined;
  ui.tailButton.ariaPressed = "false";
  write("tailButton", "Follow");
  write("tailNote", "Following counts as one member.");
}

function tailed(element) {
  const isAtEnd = ui.tailList.scrollHeight - ui.tailList.scrollTop - ui.tailList.clientHeight < 24;
  ui.tailList.append(element);
  while (ui.tailList.childElementCount > MAX.lines) ui.tailList.firstElementChild.remove();
  if (isAtEnd) ui.tailList.scrollTop = ui.tailList.scrollHeight;
}

// Server-sent events over fetch, because EventSource sends no Authorization header.
async function follow() {
  if (tail) return stopTail();
  const mine = tail = new AbortController(), name = room;
  let last;
  ui.tailButton.ariaPressed = "true";
  write("tailButton", "Stop");
  while (tail === mine) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const response = await call("GET", `/v1/rooms/${segment(name)}/events`, { headers, signal: mine.signal });
      write("tailNote", "Following.");
      let rest = "";
      for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        if (rest.length > MAX.bytes) throw new Error("too long");
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((text) => text.split(/: ?(.*)/s)).map(([name, value = ""]) => [name, value]));
          last = fields.id ?? last;
          if (!fields.data) continue;
          const message = JSON.parse(fields.data);
          if (fields.event === "message") tailed(line(message));
          else if (fields.event !== "ok") tailed(make("li.quiet", cut(fields.data)));
        }
      }
    } catch (error) {
      if (tail !== mine) return;
      if (error instanceof Refused && error.status < 500) { stopTail(); return write("tailNote", explain(error)); }
    }
    if (tail !== mine) return;
    write("tailNote", "The stream ended; following again.");
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function publish() {
  const text = ui.publishText.value;
  let body = JSON.stringify(text);
  if (ui.publishJson.checked) try { JSON.parse(body = text); } catch { return write("publishResult", "That is not JSON."); }
  // A key, so that whoever does not know whether it worked may press again.
  const bits = crypto.getRandomValues(new Uint32Array(4));
  const headers = { "Idempotency-Key": publish.text === body && publish.key || (publish.key = [...bits].map((part) => part.toString(16)).join("-")) };
  publish.text = body;
  try {
    const { offset } = await (await call("POST", `/v1/rooms/${segment(room)}/messages`, { body, headers })).json();
    publish.text = undefined;
    write("publishResult", offset === undefined ? "Published." : `Published at offset ${offset}.`);
    ui.publishText.value = "";
    history();
  } catch (error) {
    write("publishResult", explain(error));
  }
}

// A user

let user;
async function findUser(name, scrolls) {
  user = name;
  ui.userField.value = name;
  if (scrolls) { ui.people.scrollIntoView({ block: "start" }); ui.userField.focus({ preventScroll: true }); }
  try {
    const { connections, missing } = await read(`/v1/users/${segment(name)}/connections`);
    if (user !== name) return;
    write("userFacts", `${plural(connections.length, "connection")} of ${name}${missing ? `; no answer from ${missing.join(", ")}` : ""}`);
    ui.userPanel.hidden = ui.userDisconnect.hidden = !connections.length;
    ui.userList.replaceChildren(...connections.slice(0, MAX.members).map((one) =>
      make("tr", cell(make("span.mono", one.connection)), cell(one.node), cell(one.address), cell(String(one.rooms.length), true), cell(size(one.queue_bytes), true), cell(cutter(one.connection), true))));
  } catch (error) {
    ui.userPanel.hidden = ui.userDisconnect.hidden = true;
    write("userFacts", explain(error));
  }
}

// Looking, every other second while somebody looks

let timer, round = 0, isPaused = false;
function stop() {
  clearTimeout(timer);
  round += 1;
  stopTail();
}

async function look() {
  clearTimeout(timer);
  const mine = round += 1, node = ui.topNode.value;
  try {
    const [nodes, found, top] = await Promise.all([read("/v1/nodes"), read("/v1/drain"), read(`/v1/top${node && "?node=" + encodeURIComponent(node)}`).catch((error) => error)]);
    if (mine !== round) return;
    ui.keyForm.hidden = true;
    for (const part of ["figures", "nodes", "top", "inspector", "people"]) ui[part].hidden = false;
    ui.pauseButton.hidden = false;
    ui.forgetButton.hidden = !key();
    drain = found;
    paintNodes(nodes);
    if (top instanceof Error) write("topNote", explain(top)); else paintTop(top);
    setStatus(isPaused ? "Paused" : "Live", isPaused ? "warn" : "good");
    if (look.failed) notify("");
    look.failed = false;
  } catch (error) {
    if (mine !== round || error.status === 401) return;
    setStatus("No figures", "bad");
    look.failed = true;
    notify(explain(error));
  }
  if (!isPaused && !document.hidden) timer = setTimeout(look, INTERVAL_MS);
}

function setTheme(theme) {
  document.documentElement.style.colorScheme = theme;
  write("themeButton", { light: "Light", dark: "Dark" }[theme] ?? "Auto");
  ui.themeButton.ariaLabel = ui.themeButton.title = `Colours: ${theme}`;
  stored("localStorage", "roostTheme", theme);
}

const on = (element, type, action) => element.addEventListener(type, (event) => {
  if (type === "submit") event.preventDefault();
  action(event);
});
on(ui.keyForm, "submit", () => {
  const given = ui.keyField.value.trim();
  if (!/^[\x21-\x7e]+$/.test(given)) return write("keyError", "A key is printable ASCII without spaces.");
  memoryKey = given;
  stored("sessionStorage", "roostKey", given);
  look();
});
on(ui.roomForm, "submit", () => inspect(ui.roomField.value));
on(ui.userForm, "submit", () => findUser(ui.userField.value));
on(ui.publishForm, "submit", publish);
on(ui.topNode, "change", look);
const clicks = {
  pauseButton: () => {
    ui.pauseButton.ariaPressed = isPaused = !isPaused;
    write("pauseButton", isPaused ? "Go on" : "Pause");
    look();
  },
  forgetButton: () => askForKey(""),
  membersButton: members,
  historyButton: history,
  tailButton: follow,
  userDisconnect: () => disconnect(`/v1/users/${segment(user)}/connections`, `every connection of ${user}`),
  themeButton: () => setTheme({ "light dark": "light", light: "dark" }[document.documentElement.style.colorScheme] ?? "light dark"),
};
for (const name in clicks) on(ui[name], "click", clicks[name]);
document.addEventListener("visibilitychange", () => { if (!document.hidden && ui.keyForm.hidden && !isPaused) look(); });
setTheme(stored("localStorage", "roostTheme") ?? "light dark");
look();
</script>
</body>
</html>

"""##
}
