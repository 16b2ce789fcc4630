// What can be kept of a visit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Transcript } from "../../../static/js/transcript.js";

const line = (segment, text, more = {}) =>
  ({ language: "en", segment, start_ms: segment * 1000, status: "final", text, ...more });

test("final lines are kept in order, each once, whatever comes again", () => {
  const transcript = new Transcript();
  transcript.take(line(1, "Good"));
  transcript.take(line(2, "people.", { status: "partial" }));
  transcript.take(line(2, "friends."));
  transcript.take(line(1, "Good morning,"));
  transcript.take(line(2, "friends."));
  assert.equal(transcript.text(["en"]), "Good morning,\nfriends.\n");
});

test("each language is a text of its own; what is taken back is gone", () => {
  const transcript = new Transcript();
  transcript.take(line(1, "Guten Tag", { language: "de" }));
  transcript.take(line(1, "Good day"));
  transcript.take(line(2, "wrong"));
  transcript.take(line(2, "", { status: "clear" }));
  assert.equal(transcript.text(["en", "de"]), "Good day\n\nGuten Tag\n");
  assert.equal(transcript.text(["fr"]), "");
});

test("a day of speech takes bounded memory", () => {
  const transcript = new Transcript();
  for (let segment = 0; segment < 10_005; segment++) transcript.take(line(segment, `${segment}`));
  const lines = transcript.text(["en"]).trim().split("\n");
  assert.equal(lines.length, 10_000);
  assert.equal(lines[0], "5");
});
