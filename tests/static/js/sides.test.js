// Whether the two sides of a microphone cancel each other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sides } from "../../../static/js/sides.js";

const RATE_HZ = 48000;
const PIECE = 2048;

/** A voice-like sound: tones that come and go. `size` 1 is loud. */
function voice(at, size = 0.1, hz = 150) {
  return Float32Array.from({ length: PIECE }, (_, i) => {
    const s = at * 0.05 + i / RATE_HZ;
    return size * Math.sin(2 * Math.PI * hz * s) * (1 + Math.sin(2 * Math.PI * 3 * s)) / 2;
  });
}

const times = (sound, factor) => sound.map((sample) => sample * factor);

/** What is told after this many pieces, each with these two sides. */
function told(count, sides) {
  const heard = new Sides();
  let side = null;
  for (let at = 0; at < count; at += 1) side = heard.hear(...sides(at));
  return side;
}

test("an inverted side cancels the other, and the louder one is taken", () => {
  assert.equal(told(10, (at) => [voice(at), times(voice(at), -1)]), "left");
  assert.equal(told(10, (at) => [times(voice(at), -0.8), voice(at)]), "right");
});

test("it is noticed within half a second", () => {
  assert.equal(told(10, (at) => [voice(at, 0.01), voice(at, -0.01)]), "left");
});

test("a voice on both sides, on one, or in two microphones does not cancel itself", () => {
  assert.equal(told(40, (at) => [voice(at), times(voice(at), 0.7)]), null);
  assert.equal(told(40, (at) => [voice(at), new Float32Array(PIECE)]), null);
  assert.equal(told(40, (at) => [voice(at), voice(at, 0.1, 190)]), null);
});

test("of silence nothing is told", () => {
  assert.equal(told(40, () => [new Float32Array(PIECE), new Float32Array(PIECE)]), null);
  assert.equal(told(40, (at) => [voice(at, 0.0005), voice(at, -0.0005)]), null);
});

test("one short accident in a long sound is let pass", () => {
  const heard = new Sides();
  for (let at = 0; at < 40; at += 1) heard.hear(voice(at), voice(at));
  assert.equal(heard.hear(voice(40), times(voice(40), -1)), null);
});
