// A page goes on at another server if its own is lost; the browser's sockets are imitated.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

const OTHER = "wss://edge.example";
const storage = new Map();

/** The sockets that were made, the last one last. `down`: servers that take no connection. */
let sockets;
let down;
/** Those that the page's policy does not allow. */
let barred;
/** Whether that is told only after the socket's end. */
let toldLate;

class Socket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 3;
  readyState = 0;
  sent = [];
  constructor(address) {
    this.server = new URL(address).origin.replace("http", "ws");
    this.path = new URL(address).pathname;
    sockets.push(this);
    if (barred.has(this.server) && !toldLate) queueMicrotask(() => violated(address));
    queueMicrotask(() => {
      const refused = down.has(this.server) || barred.has(this.server);
      this.readyState = refused ? Socket.CLOSED : Socket.OPEN;
      if (refused) this.onclose?.();
      else this.onopen?.();
    });
    if (barred.has(this.server) && toldLate) queueMicrotask(() => violated(address));
  }
  send(text) {
    const message = JSON.parse(text);
    this.sent.push(message);
    if (message.type === "ping") this.onmessage({ data: '{"type":"pong"}' });
  }
  close() {}
}

function newDocument() {
  return Object.assign(new EventTarget(), {
    visibilityState: "visible",
    getElementById: () => null,
    documentElement: { dataset: {}, lang: "en" },
  });
}

/** Tells of a violation as browsers do. */
function violated(address) {
  const event = new Event("securitypolicyviolation");
  document.dispatchEvent(
    Object.assign(event, { effectiveDirective: "connect-src", blockedURI: String(address) }));
}

Object.assign(globalThis, {
  window: globalThis,
  WebSocket: Socket,
  addEventListener: () => {},
  document: newDocument(),
  location: new URL("https://hub.example/listen/hall"),
  fetch: async () => ({ status: 204, text: async () => "" }),
  sessionStorage: {
    getItem: (key) => storage.get(key) ?? null,
    setItem: (key, value) => storage.set(key, value),
    removeItem: (key) => storage.delete(key),
  },
  CustomEvent: globalThis.CustomEvent ?? class extends Event {
    constructor(name, { detail }) {
      super(name);
      this.detail = detail;
    }
  },
});
const navigator = { languages: ["en"], onLine: true };
Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
const { Signaling } = await import("../../../static/js/signaling.js");

const told = (message) => sockets.at(-1).onmessage({ data: JSON.stringify(message) });
const joined = (resume, others) => told({ type: "joined", resume, others });

/** Lets the next attempts be made. */
async function passed(ms) {
  for (let done = 0; done < ms; done += 100) {
    mock.timers.tick(100);
    await Promise.resolve();
  }
}

let signaling;
/** What the page asks for when it joins. */
let channel;
/** Where the page was to be loaded. */
let loaded;

beforeEach(async () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  sockets = [];
  down = new Set();
  barred = new Set();
  toldLate = false;
  loaded = [];
  channel = "en";
  navigator.onLine = true;
  storage.clear();
  Math.random = () => 0.5; // the pauses between attempts
  globalThis.document = newDocument();
  signaling = new Signaling("ws/listen/hall", () => ({ channel }));
  signaling.on("load", (url) => loaded.push([url, signaling.status]));
  signaling.open();
  await Promise.resolve();
  joined("own", ["https://edge.example"]);
});

const lose = () => sockets.at(-1).onclose();
const servers = () => sockets.map((each) => each.server);

test("a connection that breaks is made again at the same server", async () => {
  lose();
  await passed(1000);
  assert.equal(sockets.at(-1).sent[0].resume, "own");
  assert.notEqual(sockets.at(-1).server, OTHER);
});

test("asked twice while it connects, it makes one socket, and joins with what is wanted then", async () => {
  signaling.close();
  sockets = [];
  signaling.open();
  channel = "nl";
  signaling.open();
  await Promise.resolve();
  assert.equal(sockets.length, 1);
  assert.deepEqual(sockets[0].sent.map((message) => message.channel), ["nl"]);
});

test("if that server takes none, the page goes on at the other, as somebody new", async () => {
  const own = sockets[0].server;
  down.add(own);
  lose();
  await passed(3000);
  const last = sockets.at(-1);
  assert.deepEqual([last.server, last.path], [OTHER, "/ws/listen/hall"]);
  assert.equal("resume" in last.sent[0], false);
  joined("other", []);
  assert.equal(signaling.status, "joined");
});

test("where both are lost, they take turns until one is back", async () => {
  const own = sockets[0].server;
  down.add(own).add(OTHER);
  lose();
  await passed(8000);
  assert.ok(servers().slice(1).includes(OTHER) && servers().slice(2).includes(own));
  down.delete(own);
  while (sockets.at(-1).sent.length === 0) await passed(100);
  assert.equal(sockets.at(-1).server, own);
  assert.equal(sockets.at(-1).sent[0].resume, "own");
});

test("a server that says where to go is obeyed at once", async () => {
  const refused = [];
  signaling.on("refused", (error) => refused.push(error));
  told({ type: "error", code: "elsewhere", message: "", url: "https://third.example/tolk" });
  await passed(1000);
  assert.equal(sockets.at(-1).server, "wss://third.example");
  assert.equal(sockets.at(-1).path, "/tolk/ws/listen/hall");
  assert.deepEqual(refused, []);
});

test("told of no other place, a page that is sent away says why", () => {
  const refused = [];
  signaling.on("refused", (error) => refused.push(error.code));
  told({ type: "error", code: "elsewhere", message: "" });
  assert.deepEqual([refused, signaling.status], [["elsewhere"], "closed"]);
});

const elsewhere = (url) => told({ type: "error", code: "elsewhere", message: "", url });

for (const late of [false, true]) {
  test(`sent to where it may not connect, a page is loaded there (told late: ${late})`, async () => {
    toldLate = late;
    barred.add("wss://third.example");
    joined("own", []);
    elsewhere("https://third.example");
    assert.deepEqual(loaded, []);
    await passed(700);
    assert.deepEqual(loaded, [["https://third.example", "reconnecting"]]);
    await passed(3000);
    assert.equal(loaded.length, 1);
  });
}

test("an encrypted page is not loaded where it would not be", async () => {
  barred.add("ws://third.example");
  joined("own", []);
  elsewhere("http://third.example");
  await passed(20_000);
  assert.deepEqual(loaded, []);
});

test("if it may connect to another server, it goes on there", async () => {
  barred.add("wss://third.example");
  elsewhere("https://third.example");
  await passed(1000);
  assert.deepEqual([sockets.at(-1).server, loaded], [OTHER, []]);
  joined("other", []);
  await passed(20_000);
  assert.deepEqual(loaded, []);
});

test("if its server is lost, it is loaded elsewhere only after it has tried for a while", async () => {
  const own = sockets[0].server;
  down.add(own);
  barred.add(OTHER);
  lose();
  await passed(3000);
  assert.deepEqual(loaded, []);
  assert.equal(servers().filter((each) => each === OTHER).length, 1); // it is not tried again
  down.delete(own);
  while (sockets.at(-1).sent.length === 0) await passed(100);
  joined("own", ["https://edge.example"]);
  await passed(20_000);
  assert.deepEqual([signaling.status, loaded], ["joined", []]);
  down.add(own);
  lose();
  await passed(20_000);
  assert.deepEqual(loaded[0], ["https://edge.example", "reconnecting"]);
});

test("without a network it is loaded nowhere", async () => {
  navigator.onLine = false;
  down.add(sockets[0].server);
  barred.add(OTHER);
  lose();
  await passed(60_000);
  assert.deepEqual(loaded, []);
});

test("what else the policy does not allow changes nothing", async () => {
  violated("https://elsewhere.example/picture.png");
  violated(sockets[0].server);
  lose();
  await passed(2000);
  assert.deepEqual([sockets.at(-1).server, loaded], [sockets[0].server, []]);
});
