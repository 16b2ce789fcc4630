import assert from "node:assert/strict";
import { test } from "node:test";

import { newPacket, parsePacket } from "../../../static/js/rtp.js";

test("a packet is read as it was written", () => {
  const { buffer, payload } = newPacket(65535, 0xfffffc40, 3);
  payload.set([1, 2, 3]);
  assert.deepEqual(
    [...new Uint8Array(buffer)],
    [0x80, 111, 0xff, 0xff, 0xff, 0xff, 0xfc, 0x40, 0, 0, 0, 1, 1, 2, 3]);
  assert.deepEqual(
    parsePacket(buffer), { timestamp: 0xfffffc40, payload: new Uint8Array([1, 2, 3]) });
});

test("the sequence number starts anew after 65535", () => {
  assert.equal(new DataView(newPacket(65536, 0, 0).buffer).getUint16(2), 0);
});
