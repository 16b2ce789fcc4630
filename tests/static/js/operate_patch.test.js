// Changes that the server tells an operator's page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { merged, parsed } from "../../../static/js/operate/patch.js";

// RFC 7396, appendix A, as far as the server sends such.
const CASES = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [target, patch, result] of CASES) {
  test(`${JSON.stringify(target)} with ${JSON.stringify(patch)}`, () => {
    const before = structuredClone(target);
    assert.deepEqual(merged(target, patch), result);
    assert.deepEqual(target, before, "the target stays as it is");
  });
}

test("a stream may have the name of what every object has", () => {
  const state = merged({}, JSON.parse('{"__proto__": {"state": "live"}}'));
  assert.deepEqual(Object.entries(state), [["__proto__", { state: "live" }]]);
});

test("an event has a name and data; a comment has neither", () => {
  assert.deepEqual(parsed('event: change\ndata: {"a":1}'), { name: "change", data: { a: 1 } });
  assert.equal(parsed(":"), null);
});
