// Run in a page before its own modules: keeps every connection, and can record what arrives.

window.connections = [];
window.offers = 0;
window.sockets = [];

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...rest) {
    super(...rest);
    connections.push(this);
  }

  setLocalDescription(...rest) {
    offers += 1;
    return super.setLocalDescription(...rest);
  }
};

window.WebSocket = class extends WebSocket {
  constructor(...rest) {
    super(...rest);
    sockets.push(this);
  }
};

/** Records what the <audio> element was given, until `recorded()`. */
window.record = () => {
  const chunks = [];
  const recorder = new MediaRecorder(
    document.querySelector("audio").srcObject,
    { mimeType: "audio/webm;codecs=opus", audioBitsPerSecond: 128000 });
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  recorder.start(1000);
  window.recorded = () => new Promise((resolve) => {
    recorder.onstop = () => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.split(",")[1]);
      reader.readAsDataURL(new Blob(chunks));
    };
    recorder.stop();
  });
};

const statistics = async () => [...((await connections.at(-1)?.getStats())?.values() ?? [])];

/** The newest connection's inbound sound, as WebRTC counts it. */
window.inbound = async () =>
  (await statistics()).find((s) => s.type === "inbound-rtp");

/** Seconds of sound that the newest connection was given by the microphone. */
window.spoken = async () =>
  (await statistics()).find((s) => s.type === "media-source")?.totalSamplesDuration ?? 0;

/** The captions that are shown, a line each. */
window.captions = () =>
  [...document.querySelectorAll(".captions p")].map((p) => p.textContent).join("\n");

/** Whether `value` has been the same for so many seconds, each time that this was called. */
window.unchanged = (value, seconds) => {
  if (unchanged.value !== value) {
    unchanged.value = value;
    unchanged.since = performance.now();
  }
  return performance.now() - unchanged.since >= 1000 * seconds;
};

/** The squared level times seconds (1 is full scale) that the <audio> element was given, whoever
 * gave it, since this was first asked. */
window.given = () => {
  const { srcObject } = document.querySelector("audio");
  if (given.source !== srcObject) {
    given.source = srcObject;
    given.energy = 0;
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      given.energy += power * 0.05;
    }, 50);
  }
  return given.energy;
};
