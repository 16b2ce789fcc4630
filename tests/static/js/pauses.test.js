// The speaker's pauses, an operator's, and the muted microphones of a panel.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Pauses } from "../../../static/js/pauses.js";

const PRESENT = false;
const LOST = true;
let pauses;

beforeEach(() => {
  pauses = new Pauses();
  pauses.begin("speak");
});

test("a pause is told once, and its end", () => {
  assert.equal(pauses.toTell("speak", PRESENT), null);
  pauses.paused = true;
  assert.equal(pauses.toTell("speak", PRESENT), true);
  assert.equal(pauses.toTell("speak", PRESENT), null);
  pauses.paused = false;
  assert.equal(pauses.toTell("speak", PRESENT), false);
});

test("a lost microphone is told as a pause that is not the speaker's", () => {
  assert.equal(pauses.toTell("speak", LOST), true);
  pauses.follow("speak", LOST, "paused");
  assert.equal(pauses.paused, false);
  assert.equal(pauses.toTell("speak", PRESENT), false);
});

test("an operator's pause is followed, and its end", () => {
  pauses.follow("speak", PRESENT, "paused");
  assert.equal(pauses.paused, true);
  assert.equal(pauses.toTell("speak", PRESENT), null);
  pauses.follow("speak", PRESENT, "live");
  assert.equal(pauses.paused, false);
  assert.equal(pauses.toTell("speak", PRESENT), null);
});

test("the server's answer to an earlier press does not undo a later one", () => {
  pauses.paused = true;
  pauses.toTell("speak", PRESENT);
  pauses.paused = false;
  pauses.toTell("speak", PRESENT);
  pauses.follow("speak", PRESENT, "paused");
  assert.equal(pauses.paused, false);
});

test("a pause outlasts a lost connection and is not asked for again", () => {
  pauses.paused = true;
  pauses.toTell("speak", PRESENT);
  pauses.joined("speak", { state: "paused" });
  assert.equal(pauses.paused, true);
  assert.equal(pauses.toTell("speak", PRESENT), null);
});

test("a pause that is news after a lost connection is an operator's", () => {
  pauses.joined("speak", { state: "paused" });
  assert.equal(pauses.paused, true);
  assert.equal(pauses.toTell("speak", PRESENT), null);
});

test("a pause that the server does not know is told to it", () => {
  pauses.paused = true;
  pauses.joined("speak", { state: "live" });
  assert.equal(pauses.toTell("speak", PRESENT), true);
});

test("in a panel a muted microphone pauses nothing, and an operator's pause mutes none", () => {
  pauses.panel = true;
  pauses.paused = true;
  assert.equal(pauses.toTell("speak", PRESENT), null);
  pauses.paused = false;
  pauses.follow("speak", PRESENT, "paused");
  assert.equal(pauses.paused, false);
});

test("whoever waits or rehearses tells of no pause", () => {
  pauses.paused = true;
  assert.equal(pauses.toTell("wings", PRESENT), null);
  assert.equal(pauses.toTell("rehearse", PRESENT), null);
});

for (const [part, stays] of [["speak", false], ["wings", true]]) {
  test(`begun anew (${part}), a muted microphone ${stays ? "stays muted" : "is open"}`, () => {
    pauses.panel = true;
    pauses.paused = true;
    pauses.begin(part);
    assert.equal(pauses.paused, stays);
    assert.equal(pauses.panel, false);
  });
}

for (const panel of [false, true]) {
  test(`whoever's turn it is ${panel ? "in a panel stays muted" : "is live"}`, () => {
    pauses.panel = panel;
    pauses.paused = true;
    pauses.turn();
    assert.equal(pauses.paused, panel);
  });
}
