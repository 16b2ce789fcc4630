import assert from "node:assert/strict";
import { test } from "node:test";

import { captionsFor, channelFor, firstCaptions, firstLanguage, languagesIn, languagesOf }
  from "../../../static/js/channels.js";

const CHOICES = [
  // remembered, reader's languages, channels, source -> language to begin with
  [["en", ["nl"], ["floor", "en"], "nl"], "en"],
  [[null, ["nl-BE", "en"], ["floor", "en"], "nl"], "floor"],
  [[null, ["en-US"], ["floor", "en", "en+floor", "de"], "nl"], "en"],
  [[null, ["fr"], ["floor", "en", "en+floor"], "nl"], "en"],
  [[null, ["fr"], ["floor", "en", "de"], "nl"], "floor"],
];

for (const [given, language] of CHOICES) {
  test(`the language to begin with, given ${JSON.stringify(given)}`, () => {
    assert.equal(firstLanguage(...given), language);
  });
}

test("a language over the original is one language", () => {
  assert.deepEqual(languagesOf(["floor", "en", "en+floor", "de"]), ["en", "de"]);
});

test("a channel that is not offered gives the floor", () => {
  assert.equal(channelFor("en", true, ["floor", "en", "en+floor"]), "en+floor");
  assert.equal(channelFor("en", true, ["floor", "en"]), "en");
  assert.equal(channelFor("en", true, ["floor", "de"]), "floor");
});

test("an address names languages, and what is none is told", () => {
  const { languages, faults } = languagesIn(
    new URLSearchParams("language=en,%20nl,,pt-BR&language=en_US&language=a%20b&language="));
  assert.deepEqual(languages, ["en", "nl", "pt-BR"]);
  assert.deepEqual(faults, ["language=en_US", "language=a b"]);
});

test("captions are of what is heard, and of the source where that is wished", () => {
  assert.deepEqual(captionsFor("en+floor", "nl", false), ["en"]);
  assert.deepEqual(captionsFor("en", "nl", true), ["en", "nl"]);
  assert.deepEqual(captionsFor("floor", "nl", true), ["nl"]);
  assert.deepEqual(captionsFor("floor", null, true), []);
});

test("the captions to begin with are the reader's, also where that is what is spoken", () => {
  const first = (remembered, reader, source) =>
    firstCaptions(remembered, reader, ["de", "en", "fr"], source);
  assert.deepEqual(first(null, ["fr-CA"], "nl"), ["fr"]);
  assert.deepEqual(first(null, ["nl-BE", "fr"], "nl"), ["nl"]);
  assert.deepEqual(first("en", ["fr"], "nl"), ["en"]);
  assert.deepEqual(first(null, ["fr"], null), ["fr"]);
});

test("who reads none of the languages begins with the original, not with the first", () => {
  assert.deepEqual(firstCaptions(null, ["pl"], ["de", "en"], "nl"), ["nl"]);
  assert.deepEqual(firstCaptions("floor", ["de"], ["de", "en"], "nl"), ["nl"]);
  assert.deepEqual(firstCaptions(null, ["pl"], ["de", "en"], null), []);
});
