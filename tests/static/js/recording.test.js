// How the pages say what is recorded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { t, textsLoaded } from "../../../static/js/i18n.js";
import { recordingText } from "../../../static/js/recording.js";

await textsLoaded;

test("what is recorded is said", () => {
  assert.equal(recordingText(["audio", "text"]), t("recording.all"));
  assert.equal(recordingText(["audio"]), t("recording.audio"));
  assert.equal(recordingText(["text"]), t("recording.text"));
});

test("nothing is said where nothing is recorded, or by an older server", () => {
  assert.equal(recordingText([]), "");
  assert.equal(recordingText(undefined), "");
});

test("a kind that only a newer server knows is sound", () => {
  assert.equal(recordingText(["video", "text"]), t("recording.all"));
});
