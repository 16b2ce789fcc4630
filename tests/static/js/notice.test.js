// In which of its languages a message of the host is shown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen } from "../../../static/js/notice.js";

const NOTICE = { text: "Coffee!", texts: { en: "Coffee!", "nl-BE": "Koffie!" } };

test("a message is shown in the first language that is read", () => {
  assert.deepEqual(chosen(NOTICE, ["fr-FR", "nl-NL", "en"]), { text: "Koffie!", language: "nl-BE" });
});

test("who reads none of them is shown the first", () => {
  assert.deepEqual(chosen(NOTICE, ["fr", "floor"]), { text: "Coffee!", language: "en" });
});

test("a message whose language was not given is shown", () => {
  assert.deepEqual(chosen({ text: "Coffee!" }, ["fr"]), { text: "Coffee!", language: "" });
});

test("a message that was taken back is gone", () => {
  assert.deepEqual(chosen({}, ["fr"]), { text: "", language: "" });
});
