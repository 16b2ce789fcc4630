// The screen stays on while that is wanted; the browser's locks are imitated.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { keepAwake } from "../../../static/js/wake_lock.js";

let wanted;
let locks;
let update;

const held = () => locks.filter((lock) => !lock.released).length;
const settled = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  wanted = true;
  locks = [];
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const request = async () => {
    const lock = { released: false, release: async () => { lock.released = true; } };
    locks.push(lock);
    return lock;
  };
  Object.defineProperty(navigator, "wakeLock", { value: { request }, configurable: true });
  update = keepAwake(() => wanted);
});

test("one lock is held however often it is wanted", async () => {
  update();
  update();
  await settled();
  update();
  await settled();
  assert.equal(locks.length, 1);
  assert.equal(held(), 1);
});

test("it is let go when it is no longer wanted, also while it is being asked for", async () => {
  update();
  wanted = true;
  update();
  wanted = false;
  update();
  await settled();
  assert.equal(held(), 0);
});

test("the browser takes it from a hidden page; a visible one has it again", async () => {
  update();
  await settled();
  locks[0].released = true;
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  await settled();
  assert.equal(held(), 0);
  document.visibilityState = "visible";
  document.dispatchEvent(new Event("visibilitychange"));
  await settled();
  assert.equal(held(), 1);
});

test("a refusal is no failure, and is asked again", async () => {
  const { request } = navigator.wakeLock;
  navigator.wakeLock.request = async () => { throw new DOMException("low", "NotAllowedError"); };
  update();
  await settled();
  navigator.wakeLock.request = request;
  update();
  await settled();
  assert.equal(held(), 1);
});
