"""As much of ONNX as moving weights over needs: the nodes in order, and the
tensors by name.  Protocol buffers are pairs of a field's number and its bytes;
the numbers are those of onnx.proto.
"""

import numpy as np

DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 11: "<f8"}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """Each field: its number, and an integer or the bytes of what it holds."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            n, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at:at + n], at + n
        yield key >> 3, value


def tensor(data):
    dims, name, dtype, raw, floats = [], "", 1, None, []
    for number, value in fields(data):
        if number == 1:     # one by one, or packed
            if isinstance(value, int):
                dims.append(value)
            else:
                at = 0
                while at < len(value):
                    n, at = varint(value, at)
                    dims.append(n)
        elif number == 2:
            dtype = value
        elif number == 4:
            floats.append(value)
        elif number == 8:
            name = value.decode()
        elif number == 9:
            raw = value
    raw = b"".join(floats) if raw is None else raw
    return name, np.frombuffer(raw, DTYPES[dtype]).reshape(dims)


def node(data):
    """(operator, names of inputs)"""
    inputs, operator = [], ""
    for number, value in fields(data):
        if number == 1:
            inputs.append(value.decode())
        elif number == 4:
            operator = value.decode()
    return operator, inputs


def read(path):
    """Returns (nodes in order, dict of tensors)."""
    with open(path, "rb") as file:
        graph = next(value for number, value in fields(file.read()) if number == 7)
    nodes = [node(value) for number, value in fields(graph) if number == 1]
    return nodes, dict(tensor(value) for number, value in fields(graph) if number == 5)
