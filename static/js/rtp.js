// RTP packets on the socket: a header of 12 bytes (RFC 3550, 5.1), then an Opus packet.

const VERSION = 0x80;
const PAYLOAD_TYPE = 111;
const HEADER_BYTES = 12;
const SSRC = 1;

/**
 * `timestamp` counts samples at 48 kHz, and starts anew after 2 ** 32.
 * @param {ArrayBuffer} buffer
 */
export function parsePacket(buffer) {
  return {
    timestamp: new DataView(buffer).getUint32(4),
    payload: new Uint8Array(buffer, HEADER_BYTES),
  };
}

/**
 * A packet with room for a payload.
 * @param {number} sequence
 * @param {number} timestamp
 * @param {number} payloadBytes
 */
export function newPacket(sequence, timestamp, payloadBytes) {
  const buffer = new ArrayBuffer(HEADER_BYTES + payloadBytes);
  const header = new DataView(buffer);
  header.setUint8(0, VERSION);
  header.setUint8(1, PAYLOAD_TYPE);
  header.setUint16(2, sequence);
  header.setUint32(4, timestamp);
  header.setUint32(8, SSRC);
  return { buffer, payload: new Uint8Array(buffer, HEADER_BYTES) };
}
