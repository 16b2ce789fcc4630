// When sound from the socket is played. Times are given in pieces of 20 ms.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Schedule } from "../../../static/js/schedule.js";

const RATE_HZ = 48000;
const PIECE = 960;
/** The first piece is played so long after it came. */
const TARGET = 0.15 * RATE_HZ;

/** When each of `pieces`, `[spoken, came]`, is played; null where it is not. */
function placed(schedule, pieces, quiet = false) {
  return pieces.map(([spoken, came]) =>
    schedule.place((spoken * PIECE) >>> 0, PIECE, quiet, came * PIECE));
}

/** `count` pieces in a row, the nth of which came at `came(n)`. */
function pieces(count, came, first = 0) {
  return Array.from({ length: count }, (_, i) => [first + i, came(first + i)]);
}

/** Times of pieces that are played one after another from `start` on. */
function evenly(count, start) {
  return Array.from({ length: count }, (_, i) => start + i * PIECE);
}

test("pieces that come unevenly are played evenly", () => {
  const came = [100, 101, 105, 105, 105, 105, 107, 107];
  const times = placed(new Schedule(), came.map((at, i) => [i, at]));
  assert.deepEqual(times, evenly(came.length, 100 * PIECE + TARGET));
});

test("timestamps may pass the counter's end", () => {
  const last = Math.floor(2 ** 32 / PIECE);
  const times = placed(new Schedule(), [[last - 1, 0], [last, 3], [last + 1, 3]]);
  assert.equal(times[2], times[0] + 2 * PIECE);
});

test("time left out is silence", () => {
  const times = placed(new Schedule(), [[0, 0], [20, 20], [21, 21]]);
  assert.deepEqual(times, [TARGET, TARGET + 20 * PIECE, TARGET + 21 * PIECE]);
});

test("what comes too late moves all that follow", () => {
  const schedule = new Schedule();
  const [first, ...rest] = placed(schedule, [[0, 0], ...pieces(19, () => 40, 1)]);
  assert.equal(first, TARGET);
  assert.ok(rest[0] > 40 * PIECE + TARGET, "with more patience than before");
  assert.deepEqual(rest, evenly(19, rest[0]));
  assert.equal(schedule.late, 1);
});

test("a lag is won back in quiet pieces and in no others", () => {
  const schedule = new Schedule();
  const early = pieces(80, (n) => Math.max(0, n - 20));
  assert.ok(!placed(schedule, early.slice(0, 40)).includes(null));
  const times = placed(schedule, early.slice(40), true);
  assert.equal(times[0], null);
  assert.ok(times.at(-1) !== null && times.at(-1) < 70 * PIECE + TARGET);
});

test("a lag is won back where time was left out", () => {
  const schedule = new Schedule();
  placed(schedule, [[0, 0], [20, 0]]);
  assert.deepEqual(placed(schedule, [[40, 15]]), [15 * PIECE + TARGET]);
});

test("sound that could not be played for long does not wait", () => {
  const schedule = new Schedule(); // as where a telephone rings: the clock stood still
  const times = placed(schedule, pieces(500, () => 0));
  assert.ok(times.slice(200).every((time) => time === null));
  const [after] = placed(schedule, [[500, 1]]);
  assert.ok(after !== null && after <= 2 * RATE_HZ + PIECE);
});

test("a server that began anew is heard at once", () => {
  const schedule = new Schedule();
  placed(schedule, pieces(10, (n) => n - 5000, 5000));
  assert.deepEqual(placed(schedule, [[0, 10], [1, 11]]), evenly(2, 10 * PIECE + TARGET));
});
