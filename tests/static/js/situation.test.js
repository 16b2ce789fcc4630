// How things stand with a speaker, in one word.

import assert from "node:assert/strict";
import { test } from "node:test";

import { situationOf } from "../../../static/js/situation.js";

const AWAY = {
  trouble: null, ended: false, part: null, open: false, lost: false, asks: false, shutOut: false,
  wasLive: false, pauses: { paused: false, panel: false, held: false },
};
const LIVE = { ...AWAY, part: "speak", open: true, wasLive: true };
const WAITS = { ...LIVE, part: "wings", wasLive: false };
const inPanel = (facts, { paused = false, held = false } = {}) =>
  ({ ...facts, pauses: { paused, panel: true, held } });
const PAUSED = { paused: true, panel: false, held: false };

const CASES = [
  ["ready", AWAY],
  ["denied", { ...LIVE, trouble: "denied", ended: true }],
  ["ended", { ...LIVE, ended: true }],
  ["opening", { ...AWAY, part: "speak" }],
  ["reconnecting", { ...LIVE, open: false }],
  ["shut_out", { ...LIVE, open: false, shutOut: true }],
  ["live", LIVE],
  ["paused", { ...LIVE, pauses: PAUSED }],
  ["mic_lost", { ...LIVE, lost: true, pauses: PAUSED }],
  ["rehearsing", { ...LIVE, part: "rehearse" }],
  ["asking", { ...WAITS, asks: true }],
  ["handed_over", WAITS],
  ["panel", inPanel(WAITS)],
  ["live", inPanel(LIVE)],
  ["muted", inPanel(WAITS, { paused: true })],
  ["muted", inPanel(LIVE, { paused: true, held: true })],
  ["paused", inPanel(LIVE, { held: true })],
  ["paused", inPanel(WAITS, { held: true })],
];

CASES.forEach(([situation, facts], number) => {
  test(`${number + 1}: ${situation}`, () => assert.equal(situationOf(facts), situation));
});
