// What the speaker is told about the level of the microphone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HintWindow, measure } from "../../../static/js/meter.js";

/** A full window, 4 s, of this level and peak. */
function filled(level, peak) {
  const hints = new HintWindow();
  while (!hints.full) hints.add(level, peak);
  return hints;
}

test("speech at an ordinary level is good", () => {
  assert.equal(filled(-25, 0.3).hint, "good");
});

test("what never rises above a whisper is too quiet", () => {
  assert.equal(filled(-50, 0.01).hint, "quiet");
});

test("one loud word is enough to be good", () => {
  const hints = filled(-50, 0.01);
  hints.add(-30, 0.2);
  assert.equal(hints.hint, "good");
});

test("one cut peak is let pass, two are not", () => {
  const hints = filled(-20, 0.5);
  hints.add(-10, 1);
  assert.equal(hints.hint, "good");
  hints.add(-10, 1);
  assert.equal(hints.hint, "clipping");
});

test("what is more than 4 s ago counts no more", () => {
  const hints = filled(-10, 1);
  for (let i = 0; i < 80; i += 1) hints.add(-25, 0.3);
  assert.equal(hints.hint, "good");
});

test("a full square wave is at 0 dB, a tenth of it at -20 dB, silence at the floor", () => {
  const full = measure(new Float32Array([1, -1, 1, -1]));
  assert.equal(full.level.toFixed(3), "0.000");
  assert.equal(full.peak, 1);
  assert.equal(measure(new Float32Array([0.1, -0.1])).level.toFixed(3), "-20.000");
  assert.deepEqual(measure(new Float32Array(8)), { level: -60, peak: 0 });
});
