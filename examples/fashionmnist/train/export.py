"""Writes what the example ships: one ONNX file a stage, all validation logits, test images.

    python3 export.py --checkpoint checkpoint.pt --out ../model
"""
import argparse
import gzip
import json
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import data
import model
from train import accuracy, labels, load, predict, tensor

OPSET = 13


class Answer(torch.nn.Module):
    """The last stage: its activations answer nothing."""

    def __init__(self, stage):
        super().__init__()
        self.stage = stage

    def forward(self, x):
        return self.stage(x)[1]


def export_stage(stage, k, last, x, path):
    into, out = model.names(k, last)
    torch.onnx.export(
        Answer(stage).eval() if last else stage, x, path, opset_version=OPSET, input_names=[into], output_names=out,
        dynamic_axes={name: {0: "rows"} for name in [into] + out})
    graph = onnx.load(path)
    halve(graph.graph)
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def halve(graph):
    """Stores convolution weights in half precision, and has them cast back: the file is half as large. ONNX Runtime casts once,
    when it opens it."""
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.ndim == 4:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
            casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


LOGIT_STEPS = 128  # a unit; finer ones compress to twice the size and change no threshold


def write_logits(path, logits):
    """IDX of big-endian int16 [exits, rows, classes], in steps of 1/LOGIT_STEPS."""
    steps = np.round(logits.numpy() * LOGIT_STEPS)
    assert np.abs(steps).max() < 2**15
    head = bytes([0, 0, 0x0B, 3]) + np.array(steps.shape, ">u4").tobytes()
    with gzip.GzipFile(path, "wb", compresslevel=9, mtime=0) as f:
        f.write(head + steps.astype(">i2").tobytes())


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--checkpoint", required=True)
    args.add_argument("--out", required=True)
    a = args.parse_args()
    os.makedirs(a.out, exist_ok=True)
    saved = torch.load(a.checkpoint)
    net = load(a.checkpoint).eval()
    _, (vx, vy), (tx, ty) = data.split()

    x = tensor(vx[:2])
    for k, stage in enumerate(net):
        export_stage(stage, k, k == len(net) - 1, x, f"{a.out}/s{k + 1}.onnx")
        with torch.no_grad():
            x, _ = stage(x)
    logits = predict(net, tensor(vx))
    write_logits(f"{a.out}/validation-logits.idx.gz", logits)
    data.write_idx(f"{a.out}/validation-labels.idx.gz", vy)
    data.write_idx(f"{a.out}/test-images.idx.gz", tx)
    data.write_idx(f"{a.out}/test-labels.idx.gz", ty)
    ty = labels(ty)
    right = [int((l.argmax(1) == ty).sum()) for l in predict(net, tensor(tx))]
    with open(f"{a.out}/model.json", "w") as f:
        json.dump({"multiplyAdds": model.multiply_adds(net), "testCorrect": right,
                   "trained": {"torch": torch.__version__, "epochs": saved["epoch"]} |
                   {name: saved["args"][name] for name in ("batch", "rate", "seed", "bf16")}}, f, indent=1)
        f.write("\n")
    print("validation", " ".join(f"{v:.4f}" for v in accuracy(logits, labels(vy))))
    print("test", " ".join(f"{v / len(ty):.4f}" for v in right))


if __name__ == "__main__":
    main()
