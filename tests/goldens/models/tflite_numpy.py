"""A small interpreter of .tflite files in numpy: an independent reading of the weights that engine/models/convert turns
into ONNX. Float models only; the operators of MediaPipe's face detectors. Tensors are NHWC, as in the file.
Format: tensorflow/lite/schema/schema.fbs; arithmetic: tensorflow/lite/kernels/internal/reference."""

import struct

import numpy as np

ADD, CONV, DEPTHWISE, DEQUANTIZE, MAX_POOL, RELU, RESHAPE, RESIZE, PAD = 0, 3, 4, 6, 17, 19, 22, 23, 34
TYPES = {0: np.float32, 1: np.float16, 2: np.int32}


class Table:
    """A FlatBuffers table at a byte position."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def _field(self, index):
        vtable = self.at - self._read("<i", self.at)
        slot = 4 + 2 * index
        if slot >= self._read("<H", vtable):
            return 0
        offset = self._read("<H", vtable + slot)
        return self.at + offset if offset else 0

    def _read(self, code, at):
        return struct.unpack_from(code, self.data, at)[0]

    def number(self, index, code="<i", default=0):
        at = self._field(index)
        return self._read(code, at) if at else default

    def table(self, index):
        at = self._field(index)
        return Table(self.data, at + self._read("<I", at)) if at else None

    def vector(self, index):
        """(count, position of the first item)"""
        at = self._field(index)
        if not at:
            return 0, 0
        at += self._read("<I", at)
        return self._read("<I", at), at + 4

    def numbers(self, index):
        count, at = self.vector(index)
        return list(struct.unpack_from(f"<{count}i", self.data, at))

    def tables(self, index):
        count, at = self.vector(index)
        return [Table(self.data, p + self._read("<I", p)) for p in range(at, at + 4 * count, 4)]


class Interpreter:
    def __init__(self, path):
        data = open(path, "rb").read()
        model = Table(data, struct.unpack_from("<I", data)[0])
        codes = [max(t.number(0, "<b"), t.number(3)) for t in model.tables(1)]
        graph = model.tables(2)[0]
        self.inputs, self.outputs = graph.numbers(1), graph.numbers(2)
        self.steps = [
            (codes[op.number(0, "<I")], op.numbers(1), op.numbers(2), op.table(4)) for op in graph.tables(3)
        ]
        buffers = model.tables(4)
        self.constants, self.shapes = {}, []
        for i, tensor in enumerate(graph.tables(0)):
            shape = tensor.numbers(0)
            self.shapes.append(shape)
            count, at = buffers[tensor.number(2, "<I")].vector(0)
            if count:
                kind = TYPES[tensor.number(1, "<b")]
                self.constants[i] = np.frombuffer(data, kind, count // np.dtype(kind).itemsize, at).reshape(shape)

    def run(self, picture):
        """picture: (1, height, width, 3) float32 -> the outputs, in the file's order. Another height and width than the file's
        give outputs that are as much larger: every operator here works on places, and none on all of them."""
        values = {**self.constants, self.inputs[0]: picture}
        for code, inputs, outputs, options in self.steps:
            args = [values[i] for i in inputs if i >= 0]
            values[outputs[0]] = self.step(code, args, options, self.shapes[inputs[0]], self.shapes[outputs[0]])
        return [values[i] for i in self.outputs]

    def step(self, code, args, options, old, shape):
        x = args[0]
        if code == DEQUANTIZE:
            return x.astype(np.float32)
        if code == RELU:
            return np.maximum(x, 0)
        if code == RESHAPE:
            return x.reshape(1, -1, *shape[2:])
        if code == PAD:
            return np.pad(x, args[1])
        if code == ADD:
            return activate(x + args[1], options.number(0, "<b"))
        if code == RESIZE:
            times = [new // length for new, length in zip(shape, old)]
            return resize(x, np.multiply(x.shape, times), options.number(2, "<b"), options.number(3, "<b"))
        same, across, down = options.number(0, "<b") == 0, options.number(1), options.number(2)
        if code == MAX_POOL:
            size = (options.number(4), options.number(3))
            return windows(x, size, down, across, same, -np.inf).max((3, 4))
        kernel = args[1]
        view = windows(x, kernel.shape[1:3], down, across, same, 0)
        if code == CONV:
            return activate(np.einsum("nyxhwc,ohwc->nyxo", view, kernel, optimize=True) + args[2], options.number(3, "<b"))
        if code == DEPTHWISE:
            return activate(np.einsum("nyxhwc,hwc->nyxc", view, kernel[0], optimize=True) + args[2], options.number(4, "<b"))
        raise NotImplementedError(f"operator {code}")


def windows(x, size, down, across, same, fill):
    """(n, rows, columns, kernel rows, kernel columns, channels)"""
    if same:
        spans = []
        for length, kernel, stride in ((x.shape[1], size[0], down), (x.shape[2], size[1], across)):
            total = max(0, (-(-length // stride) - 1) * stride + kernel - length)
            spans.append((total // 2, total - total // 2))
        x = np.pad(x, [(0, 0), *spans, (0, 0)], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, ::down, ::across]
    return view.transpose(0, 1, 2, 4, 5, 3)


def resize(x, shape, align_corners, half_pixel):
    for axis in (1, 2):
        old, new = x.shape[axis], shape[axis]
        if align_corners and new > 1:
            at = np.arange(new) * ((old - 1) / (new - 1))
        else:
            at = (np.arange(new) + 0.5) * (old / new) - 0.5 if half_pixel else np.arange(new) * (old / new)
        at = np.clip(at, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        weight = (at - low).reshape([-1 if i == axis else 1 for i in range(4)]).astype(np.float32)
        x = np.take(x, low, axis) * (1 - weight) + np.take(x, high, axis) * weight
    return x


def activate(x, kind):
    if kind == 1:
        return np.maximum(x, 0)
    if kind == 3:
        return np.clip(x, 0, 6)
    assert kind == 0, f"activation {kind}"
    return x
