"""Makes a Piper voice of "medium" size: VITS as Piper trains it (rhasspy/piper, piper_train/vits),
22,050 Hz, 15.7 million parameters. All phonemes are equally long.

The relative positions of attention and the spline flows of the duration predictor are left out.
Together they are less than 3 % of the work; nearly all of it is in the decoder and the flow.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np

from training.stand_ins.onnx_file import FLOAT, INT64, Graph

RATE_HZ: Final = 22_050
#: An id is a phoneme, a space, or the padding that Piper puts between two. At 23 ms each, a text
#: takes as long as when a person speaks it.
FRAMES_PER_ID: Final = 2
SYMBOLS: Final = 256
WIDTH, FILTERS, HEADS, LAYERS = 192, 768, 2, 6
FLOWS, FLOW_LAYERS, FLOW_KERNEL = 4, 4, 5
UPSAMPLE: Final = ((8, 16), (8, 16), (4, 8))  # rate, kernel
UPSAMPLE_CHANNELS: Final = 256
BLOCKS: Final = ((3, (1, 2)), (5, (2, 6)), (7, (3, 12)))  # kernel, dilations


def write(like: Path, folder: Path) -> int:
    """Write voice.onnx and its description into ``folder``. The description is that of the voice
    ``like``, with another sample rate. Returns the number of parameters."""
    graph = Graph()
    sound = _decoder(graph, _flow(graph, _frames(graph, _encoder(graph))))
    # Not exactly zero, as silence would be trimmed.
    loud = graph.add("Add", [sound, graph.constant(np.array([0.1], np.float32))])
    graph.add("Unsqueeze", [loud, graph.numbers(0)], "output")
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [
        ("input", INT64, (1, "phonemes")),
        ("input_lengths", INT64, (1,)),
        ("scales", FLOAT, (3,)),
    ]
    (folder / "voice.onnx").write_bytes(graph.file(inputs, ["output"]))
    (described,) = like.glob("*.onnx.json")
    settings = json.loads(described.read_bytes())
    settings["audio"]["sample_rate"] = RATE_HZ
    (folder / "voice.onnx.json").write_text(json.dumps(settings), encoding="utf8")
    return graph.parameters


def _conv(
    graph: Graph, x: str, channels: tuple[int, int], kernel: int = 1, dilation: int = 1
) -> str:
    """A convolution in time that keeps the length. ``channels``: in, out."""
    pad = dilation * (kernel - 1) // 2
    inside, out = channels
    return graph.add(
        "Conv",
        [x, graph.weights(out, inside, kernel), graph.weights(out)],
        kernel_shape=[kernel],
        dilations=[dilation],
        pads=[pad, pad],
    )


def _encoder(graph: Graph) -> str:
    """Phoneme ids to [1, WIDTH, ids]."""
    embedded = graph.add("Gather", [graph.weights(SYMBOLS, WIDTH), "input"])
    x = graph.add("Transpose", [embedded], perm=[0, 2, 1])
    for _ in range(LAYERS):
        x = _normed(graph, graph.add("Add", [x, _attention(graph, x)]))
        inner = graph.add("Relu", [_conv(graph, x, (WIDTH, FILTERS), 3)])
        x = _normed(graph, graph.add("Add", [x, _conv(graph, inner, (FILTERS, WIDTH), 3)]))
    # The duration predictor: convolutions of the same width, whose result is not used for time.
    timed = x
    for _ in range(6):
        timed = graph.add("Relu", [_conv(graph, timed, (WIDTH, WIDTH))])
    return graph.add("Add", [x, timed])


def _attention(graph: Graph, x: str) -> str:
    parts = []
    for _ in range(3):
        split = graph.numbers(1, HEADS, WIDTH // HEADS, -1)
        parts.append(graph.add("Reshape", [_conv(graph, x, (WIDTH, WIDTH)), split]))
    query, key, value = parts
    scores = graph.add("MatMul", [graph.add("Transpose", [query], perm=[0, 1, 3, 2]), key])
    scale = graph.constant(np.array([(WIDTH // HEADS) ** -0.5], np.float32))
    weights = graph.add("Softmax", [graph.add("Mul", [scores, scale])], axis=-1)
    mixed = graph.add("MatMul", [value, graph.add("Transpose", [weights], perm=[0, 1, 3, 2])])
    joined = graph.add("Reshape", [mixed, graph.numbers(1, WIDTH, -1)])
    return _conv(graph, joined, (WIDTH, WIDTH))


def _normed(graph: Graph, x: str) -> str:
    across = graph.add("Transpose", [x], perm=[0, 2, 1])
    one = graph.constant(np.ones(WIDTH, np.float32))
    zero = graph.constant(np.zeros(WIDTH, np.float32))
    normed = graph.add("LayerNormalization", [across, one, zero], axis=-1)
    return graph.add("Transpose", [normed], perm=[0, 2, 1])


def _frames(graph: Graph, x: str) -> str:
    """Each id as FRAMES_PER_ID frames, times the length scale."""
    scale = graph.add("Slice", ["scales", graph.numbers(1), graph.numbers(2)])
    longer = graph.add("Mul", [scale, graph.constant(np.array([FRAMES_PER_ID], np.float32))])
    ones = graph.constant(np.ones(2, np.float32))
    scales = graph.add("Concat", [ones, longer], axis=0)
    return graph.add("Resize", [x, "", scales])


def _flow(graph: Graph, x: str) -> str:
    """The coupling layers, each a WaveNet over half of the channels."""
    half = WIDTH // 2
    for _ in range(FLOWS):
        one = graph.add("Slice", [x, graph.numbers(0), graph.numbers(half), graph.numbers(1)])
        other = graph.add("Slice", [x, graph.numbers(half), graph.numbers(WIDTH), graph.numbers(1)])
        h = _conv(graph, one, (half, WIDTH))
        for _ in range(FLOW_LAYERS):
            gates = _conv(graph, h, (WIDTH, 2 * WIDTH), FLOW_KERNEL)
            first = graph.numbers(0), graph.numbers(WIDTH), graph.numbers(1)
            second = graph.numbers(WIDTH), graph.numbers(2 * WIDTH), graph.numbers(1)
            gate = graph.add("Tanh", [graph.add("Slice", [gates, *first])])
            open_ = graph.add("Sigmoid", [graph.add("Slice", [gates, *second])])
            both = _conv(graph, graph.add("Mul", [gate, open_]), (WIDTH, 2 * WIDTH))
            h = graph.add("Add", [h, graph.add("Slice", [both, *first])])
        moved = graph.add("Sub", [other, _conv(graph, h, (WIDTH, half))])
        x = graph.add("Concat", [moved, one], axis=1)
    return x


def _decoder(graph: Graph, x: str) -> str:
    """HiFi-GAN's generator: frames to samples, [1, 1, samples]."""
    channels = UPSAMPLE_CHANNELS
    x = _conv(graph, x, (WIDTH, channels), 7)
    for rate, kernel in UPSAMPLE:
        pad = (kernel - rate) // 2
        x = graph.add(
            "ConvTranspose",
            [
                graph.add("LeakyRelu", [x], alpha=0.1),
                graph.weights(channels, channels // 2, kernel),
                graph.weights(channels // 2),
            ],
            kernel_shape=[kernel],
            strides=[rate],
            pads=[pad, pad],
        )
        channels //= 2
        blocks = [_block(graph, x, channels, *each) for each in BLOCKS]
        third = graph.constant(np.array([1 / len(blocks)], np.float32))
        x = graph.add("Mul", [graph.add("Sum", blocks), third])
    last = _conv(graph, graph.add("LeakyRelu", [x], alpha=0.1), (channels, 1), 7)
    return graph.add("Tanh", [last])


def _block(graph: Graph, x: str, channels: int, kernel: int, dilations: tuple[int, ...]) -> str:
    for dilation in dilations:
        active = graph.add("LeakyRelu", [x], alpha=0.1)
        x = graph.add("Add", [x, _conv(graph, active, (channels, channels), kernel, dilation)])
    return x
