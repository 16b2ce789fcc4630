// Every language has the same texts, and says them for every number.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { fill } from "../../../static/js/i18n.js";

const FOLDER = new URL("../../../static/js/texts/", import.meta.url);
const texts = {};
for (const file of readdirSync(FOLDER)) {
  texts[file.replace(".js", "")] = (await import(new URL(file, FOLDER))).default;
}

/** A text's forms; of a text that is the same for all numbers, its only one. */
const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));
const values = (form) => (form.match(/\{\w+\}/g) ?? []).sort();

test("there are texts in English", () => assert.ok(texts.en));

for (const [language, its] of Object.entries(texts)) {
  test(`${language}: has the texts of English, in the same order`, () => {
    assert.deepEqual(Object.keys(its), Object.keys(texts.en));
  });

  test(`${language}: every text fills in what the English one does`, () => {
    for (const key of Object.keys(texts.en)) {
      const wanted = values(forms(texts.en[key])[0]);
      for (const form of forms(its[key])) assert.deepEqual(values(form), wanted, key);
    }
  });

  test(`${language}: what counts has a form for each kind of number in this language`, () => {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
    for (const [key, text] of Object.entries(its)) {
      if (typeof text === "string") continue;
      assert.deepEqual(Object.keys(text).sort(), [...pluralCategories].sort(), key);
      assert.ok(values(forms(text)[0]).includes("{count}"), `${key} counts`);
    }
  });

  test(`${language}: no text is empty`, () => {
    for (const [key, text] of Object.entries(its)) {
      for (const form of forms(text)) assert.ok(form.trim(), key);
    }
  });
}

test("fr: signs that stand apart are never alone on a line", () => {
  for (const [key, text] of Object.entries(texts.fr)) {
    for (const form of forms(text)) assert.doesNotMatch(form, / [:;?!»]|« /, key);
  }
});

test("a number chooses the form, and is written as the language does", () => {
  const listening = (language, count) =>
    fill(texts[language]["speak.audience_total"], { count }, language);
  assert.equal(listening("en", 1), "1 person is listening.");
  assert.equal(listening("de", 1234), "1.234 Personen hören zu.");
  assert.equal(listening("fr", 2), "2 personnes écoutent.");
});
