// What the address of an overlay may ask for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { overlayOf } from "../../../static/js/overlay.js";

const USUAL = { lines: 2, place: "bottom", size: 6, colour: "#fff", background: "#000b" };
const isColour = (text) => /^(#[0-9a-f]{3,8}|transparent|white)$/.test(text);
const of = (query) => overlayOf(new URLSearchParams(query), isColour);

test("a page is an overlay only if it is asked for", () => {
  assert.equal(of("lines=3"), null);
  assert.equal(of("overlay=yes"), null);
  assert.deepEqual(of("overlay=1"), { look: USUAL, faults: [] });
});

test("the address chooses the look", () => {
  const asked = "lines=3&place=top&size=4.5&colour=white&background=transparent";
  assert.deepEqual(of(`overlay=1&${asked}`), {
    look: { lines: 3, place: "top", size: 4.5, colour: "white", background: "transparent" },
    faults: [],
  });
});

test("a value that cannot be used is named, and the usual one counts", () => {
  for (const bad of ["lines=0", "lines=11", "lines=1e1", "lines=", "place=left", "size=51",
    "size=-1", "size=NaN", "colour=url(x)", "background=#00;x:y"]) {
    const { look, faults } = of(`overlay=1&${bad.replace("#", "%23")}`);
    assert.deepEqual(look, USUAL);
    assert.deepEqual(faults, [bad]);
  }
});
