"""Adds up the rows of an embedding table's gradient in three ways, and counts wrong sums. Run by hand:

    python -m venv venv
    venv/bin/pip install onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
    venv/bin/python crates/larder-graphs/docs/scatter.py

Prints, for each way and number of tokens, in how many of 30 runs the sum was wrong, and the median milliseconds. Two
threads; updates are whole numbers, so that every order of adding gives the same float32.
"""

import statistics
import time

import numpy
import onnxruntime
from onnx import TensorProto, helper

ROWS, WIDTH, RUNS = 30522, 384, 30


def model(way):
    nodes = [helper.make_node("Unsqueeze", ["ids", "last"], ["column"])]
    if way == "ScatterND add":
        nodes += [helper.make_node("ScatterND", ["zeros", "column", "updates"], ["sum"], reduction="add")]
    elif way == "ScatterElements add":
        nodes += [helper.make_node("Shape", ["updates"], ["shape"]),
                  helper.make_node("Expand", ["column", "shape"], ["places"]),
                  helper.make_node("ScatterElements", ["zeros", "places", "updates"], ["sum"], axis=0, reduction="add")]
    else:
        nodes += [helper.make_node("Transpose", ["column"], ["row"]),
                  helper.make_node("Equal", ["column", "row"], ["same"]),
                  helper.make_node("Cast", ["same"], ["ones"], to=TensorProto.FLOAT),
                  helper.make_node("MatMul", ["ones", "updates"], ["sums"]),
                  helper.make_node("ScatterND", ["zeros", "column", "sums"], ["sum"])]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "scatter",
        [info("zeros", TensorProto.FLOAT, [ROWS, WIDTH]), info("ids", TensorProto.INT64, ["n"]),
         info("updates", TensorProto.FLOAT, ["n", WIDTH])],
        [info("sum", TensorProto.FLOAT, [ROWS, WIDTH])], [helper.make_tensor("last", TensorProto.INT64, [1], [-1])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main():
    zeros = numpy.zeros((ROWS, WIDTH), numpy.float32)
    for way in ["ScatterND add", "ScatterElements add", "product, ScatterND"]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(model(way).SerializeToString(), options)
        for tokens in [128, 512, 2048, 4096]:
            random = numpy.random.default_rng(tokens)
            wrong, seconds = 0, []
            for _ in range(RUNS):
                # Four tokens in ten are among ten frequent ids.
                frequent = random.integers(0, 10, tokens)
                ids = numpy.where(random.random(tokens) < 0.4, frequent, random.integers(10, ROWS, tokens))
                updates = random.integers(0, 8, (tokens, WIDTH)).astype(numpy.float32)
                start = time.perf_counter()
                found, = session.run(None, {"zeros": zeros, "ids": ids, "updates": updates})
                seconds.append(time.perf_counter() - start)
                expected = zeros.copy()
                numpy.add.at(expected, ids, updates)
                wrong += not numpy.array_equal(found, expected)
            print(f"{way:20} {tokens:5} tokens: wrong in {wrong:2} of {RUNS}, {1000 * statistics.median(seconds):.0f} ms")


if __name__ == "__main__":
    main()
