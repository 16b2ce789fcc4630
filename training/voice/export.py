"""Writes a voice as piper-tts 1.8 loads it: voice.onnx and voice.onnx.json."""

import json
from pathlib import Path
from typing import Final, cast

import numpy as np
import onnx
import torch
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from torch import Tensor, nn

from training.voice.acoustic import SYMBOLS, Acoustic
from training.voice.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ
from training.voice.vocoder import Vocoder

OPSET: Final = 17
FLOAT: Final = onnx.TensorProto.FLOAT
SMALLEST_HALVED: Final = 1000
"""Matrices of fewer numbers stay as they are: nothing would be saved."""
NOISE_SCALE: Final = 0.667
"""Piper's usual value: here the noise is then as loud as the teacher's."""


class Voice(nn.Module):
    """The network that Piper runs: takes phoneme ids and scales, returns audio."""

    def __init__(self, acoustic: Acoustic) -> None:
        super().__init__()
        self.acoustic = acoustic
        self.vocoder = Vocoder()

    def forward(self, ids: Tensor, lengths: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
        """ids int64 [1, T], lengths int64 [1], scales float [noise, length, unused].

        Returns samples [1, 1, 1, N] and the frames of each id [1, T].
        """
        states, frames = self.acoustic.encode(ids, lengths)
        # Rounding the running sum, not each duration, keeps the length exact at every speed.
        ends = (torch.cumsum(frames * scales[1], 1) + 0.5).floor()
        frames = torch.cat([ends[:, :1], ends[:, 1:] - ends[:, :-1]], 1)
        # While this is traced, the number of frames must be a tensor, as it differs between calls.
        total = cast(int, ends[0, -1].clamp(min=2).to(torch.int64))
        outputs = self.acoustic.decode(states, frames, total)[0]
        samples = self.vocoder(outputs, scales[0] / NOISE_SCALE)
        return samples.reshape(1, 1, 1, -1), frames


def export(acoustic: Acoustic, espeak_voice: str, folder: Path) -> Path:
    """Write the voice into `folder`. Returns the path of voice.onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "voice.onnx"
    ids = torch.arange(1, 41).unsqueeze(0)
    example = (ids, torch.tensor([40]), torch.tensor([NOISE_SCALE, 1.0, 0.8]))
    torch.onnx.export(
        Voice(acoustic).eval(),
        example,
        str(path),
        opset_version=OPSET,
        input_names=["input", "input_lengths", "scales"],
        output_names=["output", "durations"],
        dynamic_axes={"input": {1: "phonemes"}, "output": {3: "samples"},
                      "durations": {1: "phonemes"}},
        dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    _halve_weights(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    config = {
        "audio": {"sample_rate": SAMPLE_RATE_HZ, "quality": "starter"},
        "espeak": {"voice": espeak_voice},
        "language": {"code": espeak_voice},
        "phoneme_type": "espeak",
        "num_symbols": SYMBOLS,
        "num_speakers": 1,
        "speaker_id_map": {},
        "inference": {"noise_scale": NOISE_SCALE, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": {symbol: list(ids) for symbol, ids in DEFAULT_PHONEME_ID_MAP.items()},
        "hop_length": FRAME_SAMPLES,
    }
    text = json.dumps(config, ensure_ascii=False, indent=1)
    path.with_suffix(".onnx.json").write_text(text + "\n", encoding="utf-8")
    return path


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Store the learnt matrices as float16. ONNX Runtime converts them once, when it loads them."""
    casts = []
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < SMALLEST_HALVED:
            continue
        halved = weight.name + ".half"
        casts.append(onnx.helper.make_node("Cast", [halved], [weight.name], to=FLOAT))
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), halved))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
