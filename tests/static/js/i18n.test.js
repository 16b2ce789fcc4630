import assert from "node:assert/strict";
import { test } from "node:test";

import { errorText, languageName, t, textDirection, textsLoaded }
  from "../../../static/js/i18n.js";

await textsLoaded;

test("an error has this page's words, else the server's own", () => {
  assert.equal(errorText({ code: "limit", message: "busy" }), t("error.limit"));
  assert.equal(errorText({ code: "from_2030", message: "Moved." }), "Moved.");
});

test("a language is named in itself, or in another", () => {
  assert.equal(languageName("nl"), "Nederlands");
  assert.equal(languageName("nl", "en"), "Dutch");
});

test("some languages are written from right to left", () => {
  assert.equal(textDirection("fa-IR"), "rtl");
  assert.equal(textDirection("nl"), "ltr");
});
