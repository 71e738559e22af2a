"""Fashion-MNIST as Debian's package dataset-fashion-mnist installs it."""
import gzip

import numpy as np

FOLDER = "/usr/share/datasets/fashion-mnist/"
VALIDATION = 10_000  # the last rows of the training file; never trained on
TEST = 5_000  # the first rows of the test file; these are committed


def idx(name):
    """Reads one IDX file of bytes (the format of MNIST)."""
    raw = gzip.open(FOLDER + name).read()
    dims = raw[3]
    shape = np.frombuffer(raw, ">u4", dims, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.GzipFile(path, "wb", compresslevel=9, mtime=0) as f:
        f.write(head + array.tobytes())


def split():
    """(images, labels) of training, validation and test rows."""
    x, y = idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")
    tx, ty = idx("t10k-images-idx3-ubyte.gz"), idx("t10k-labels-idx1-ubyte.gz")
    return (x[:-VALIDATION], y[:-VALIDATION]), (x[-VALIDATION:], y[-VALIDATION:]), (tx[:TEST], ty[:TEST])
