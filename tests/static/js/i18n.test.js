import assert from "node:assert/strict";
import { test } from "node:test";

import { errorText, fill, languageName, t, textDirection, textsLoaded }
  from "../../../static/js/i18n.js";

await textsLoaded;

test("an error has this page's words, else the server's own", () => {
  assert.equal(errorText({ code: "limit", message: "busy" }), t("error.limit"));
  assert.equal(errorText({ code: "from_2030", message: "Moved." }), "Moved.");
});

test("where somebody speaks is said, if the server says it, in every language", async () => {
  const refused = { code: "speaker_present", message: "Somebody speaks." };
  const place = "https://hall.example";
  assert.equal(errorText(refused), t("error.speaker_present"));
  assert.equal(errorText({ ...refused, place }), t("error.speaker_elsewhere", { place }));
  for (const language of ["de", "en", "fr", "nl"]) {
    const texts = (await import(`../../../static/js/texts/${language}.js`)).default;
    const text = fill(texts["error.speaker_elsewhere"], { place }, language);
    assert.ok(text.includes(place) && text.length > 2 * place.length, language);
  }
});

test("who is sent away without being told where to reads that in their language", () => {
  const refused = { code: "elsewhere", message: "This server is for listeners." };
  assert.equal(errorText(refused), t("error.elsewhere"));
  assert.notEqual(errorText(refused), refused.message);
});

test("a language is named in itself, or in another", () => {
  assert.equal(languageName("nl"), "Nederlands");
  assert.equal(languageName("nl", "en"), "Dutch");
});

test("what is no language tag is named as it is", () => {
  for (const tag of ["en_US", "", "a b"]) assert.equal(languageName(tag), tag);
});

test("some languages are written from right to left", () => {
  assert.equal(textDirection("fa-IR"), "rtl");
  assert.equal(textDirection("nl"), "ltr");
});
