#!/usr/bin/python3
"""Writes the test models beside this file. Needs only the onnx package (1.12 or newer).

encoder: x [n,4] -> h [n,3], logits [n,2]     first stage of a cascade
head:    h [n,3] -> logits [n,2]              its second stage
wide:    x [n,m] -> y [n,m] = 2x              an inner dimension the model leaves open
total:   x [n,4] -> y [1,4]                   not one row for each; plain from the model
twice:   x [n,4] -> y [2n,4]                  the same; shown only by a run
slow:    x [n,4] -> y [n,4]                   a loop of hours, to be cancelled
"""
import os
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

HERE = os.path.dirname(os.path.abspath(__file__))
F = TensorProto.FLOAT


def info(name, *dims):
    return helper.make_tensor_value_info(name, F, list(dims))


def const(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def write(name, nodes, ins, outs, consts=()):
    graph = helper.make_graph(nodes, name, ins, outs, list(consts))
    model = helper.make_model(graph, producer_name="serflow", opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    checker.check_model(model)
    save(model, os.path.join(HERE, name + ".onnx"))


def weights(rows, cols):
    return (np.arange(rows * cols, dtype=np.float32).reshape(rows, cols) - 3) / 4


N = helper.make_node
write("encoder",
      [N("MatMul", ["x", "w"], ["h"]), N("MatMul", ["h", "v"], ["logits"])],
      [info("x", "n", 4)], [info("h", "n", 3), info("logits", "n", 2)],
      [const("w", weights(4, 3)), const("v", weights(3, 2))])
write("head", [N("MatMul", ["h", "v"], ["logits"])],
      [info("h", "n", 3)], [info("logits", "n", 2)], [const("v", weights(3, 2))])
write("wide", [N("Add", ["x", "x"], ["y"])], [info("x", "n", "m")], [info("y", "n", "m")])
write("twice", [N("Concat", ["x", "x"], ["y"], axis=0)], [info("x", "n", 4)], [info("y", "k", 4)])
write("total", [N("ReduceMax", ["x"], ["y"], axes=[0], keepdims=1)], [info("x", "n", 4)], [info("y", "k", 4)])
body = helper.make_graph(
    [N("Identity", ["c"], ["c2"]), N("MatMul", ["a", "w"], ["b"])], "body",
    [helper.make_tensor_value_info("i", TensorProto.INT64, []),
     helper.make_tensor_value_info("c", TensorProto.BOOL, []), info("a", "n", 4)],
    [helper.make_tensor_value_info("c2", TensorProto.BOOL, []), info("b", "n", 4)])
write("slow", [N("Loop", ["trips", "go", "x"], ["y"], body=body)],
      [info("x", "n", 4)], [info("y", "n", 4)],
      [const("trips", np.int64(1 << 40)), const("go", np.bool_(True)), const("w", np.eye(4, dtype=np.float32))])
