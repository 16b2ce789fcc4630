// What the speaker is told about the level of the microphone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HintWindow } from "../../../static/js/meter.js";

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
