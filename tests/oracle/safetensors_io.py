"""safetensors by hand: a length, a JSON header, raw little-endian arrays.

Reading and writing it here keeps the oracle independent of segkit's own reader
and of a library that a distribution may not package.
"""

import json
import struct

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1"}
CODES = {np.dtype(text): code for code, text in DTYPES.items()}


def write(path, tensors, metadata):
    """Writes a dict of arrays, in the order of their names, so that equal
    contents make equal files."""
    header, blobs, end = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors):
        # ascontiguousarray makes a scalar rank 1: the shape is the original's
        array = np.asarray(tensors[name])
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": CODES[array.dtype.newbyteorder("<")],
                        "shape": list(array.shape),
                        "data_offsets": [end, end + len(blob)]}
        blobs.append(blob)
        end += len(blob)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read(path):
    """Returns (dict of arrays, metadata)."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {
        name: np.frombuffer(data[start + entry["data_offsets"][0]:
                                 start + entry["data_offsets"][1]],
                            DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()}
    return tensors, metadata
