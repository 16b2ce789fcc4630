// libdatachannel publishes by WHIP as OBS does: audio and video are offered.
//
//     node tests/helpers/libdatachannel.js URL < packets
//
// Sends the Opus packets of 20 ms again and again; before each comes its length, in two bytes. Says
// on stdout what became of the tracks, and leaves by DELETE on SIGTERM.
import { readFileSync } from "node:fs";
import datachannel from "node-datachannel";

const [SSRC, OPUS, H264, SAMPLES] = [1, 111, 96, 960];
const address = process.argv[2];
const connection = new datachannel.PeerConnection("obs", { iceServers: [] });

const audio = new datachannel.Audio("0", "SendOnly");
audio.addOpusCodec(OPUS);
audio.addSSRC(SSRC, "cname", "stream", "stream-audio");
const audioTrack = connection.addTrack(audio);
const video = new datachannel.Video("1", "SendOnly");
video.addH264Codec(H264);
video.addSSRC(SSRC + 1, "cname", "stream", "stream-video");
const videoTrack = connection.addTrack(video);
audioTrack.onOpen(() => console.log("audio open"));
videoTrack.onOpen(() => console.log("video open"));

connection.setLocalDescription();
const response = await fetch(address, {
  method: "POST",
  headers: { "Content-Type": "application/sdp" },
  body: connection.localDescription().sdp,
});
const answer = await response.text();
if (response.status !== 201) throw new Error(answer);
const session = new URL(response.headers.get("Location"), address);
connection.setRemoteDescription(answer, "answer");

const data = readFileSync(0);
const packets = [];
for (let start = 0; start < data.length; ) {
  const end = start + 2 + data.readUInt16BE(start);
  packets.push(data.subarray(start + 2, end));
  start = end;
}
let tick = 0;
setInterval(() => {
  if (!audioTrack.isOpen()) return;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0x8000 | OPUS, 0);
  header.writeUInt16BE(tick % 2 ** 16, 2);
  header.writeUInt32BE((tick * SAMPLES) % 2 ** 32, 4);
  header.writeUInt32BE(SSRC, 8);
  audioTrack.sendMessageBinary(Buffer.concat([header, packets[tick % packets.length]]));
  tick++;
}, 20);

process.on("SIGTERM", async () => {
  const left = await fetch(session, { method: "DELETE" });
  process.exit(left.status === 200 ? 0 : 1);
});
