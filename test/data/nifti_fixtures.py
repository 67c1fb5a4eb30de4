#!/usr/bin/python3
"""Writes fixtures/nifti.gz, small NIfTI files made by nibabel (python3-nibabel), one behind another.

Each is preceded by a line: name, bytes, factor, offset, axis letters, the affine's 12 numbers. All show one thing: an axial stack, 3 columns
from right to left, 4 rows from front to back, 5 slices from feet to head, whose voxel at x, y, z is v = 12 z + 3 y + x; what a file's
voxels mean is factor v + offset. Made with nibabel 5.0.0 and NumPy 1.24.2; the test needs neither.
"""
import gzip
import io
import itertools
import os

import nibabel as nib
import numpy as np

stack = np.arange(60).reshape(5, 4, 3).transpose(2, 1, 0)
affine = np.diag([-0.75, -0.625, 2.5, 1])
affine[:3, 3] = [10, 20, -30]
out = io.BytesIO()


def put(name, data, image, factor=1, offset=0):
    numbers = " ".join(repr(float(f)) for f in image.affine[:3].ravel())
    line = f"{name} {len(data)} {factor!r} {offset!r} {''.join(nib.aff2axcodes(image.affine))} {numbers}\n"
    out.write(line.encode() + data)


def single(image):
    image.to_filename("/tmp/fixture.nii")
    return open("/tmp/fixture.nii", "rb").read()


def image_of(data, where=affine, endian="<"):
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_dtype(data.dtype)
    return nib.Nifti1Image(data, where, header)


plain = image_of(stack.astype(np.uint8))
for order in itertools.permutations(range(3)):
    for signs in itertools.product([1, -1], repeat=3):
        turned = plain.as_reoriented(np.array(list(zip(order, signs))))
        put("orientation_" + "".join(nib.aff2axcodes(turned.affine)) + ".nii", single(turned), turned)

kinds = {"uint8": (4, 0), "int8": (2, -60), "int16": (500, -15000), "uint16": (1000, 0), "int32": (1000003, -30000000), "uint32": (70000001, 0),
         "int64": (2**33, -(2**38)), "uint64": (2**57, 0), "float32": (0.125, -1.5), "float64": (0.001, -0.03125)}
for kind, (factor, offset) in kinds.items():
    for endian, word in (("<", "little"), (">", "big")):
        values = stack * factor + offset if kind.startswith("float") else np.vectorize(lambda v: int(v) * factor + offset, otypes=[kind])(stack)
        image = image_of(values.astype(kind), endian=endian)
        put(f"type_{kind}_{word}.nii", single(image), image, factor, offset)

for endian, word in (("<", "little"), (">", "big")):
    image = image_of(stack.astype(np.int16), endian=endian)
    data = bytearray(single(image))
    data[112:120] = np.array([2.5, -1000], endian + "f4").tobytes()
    put(f"scaled_{word}.nii", bytes(data), image, 2.5, -1000)

# Oblique by 10 degrees about two axes, mirrored, and known by the quaternion alone.
turn = np.radians(10)
about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
about_x = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
oblique = affine.copy()
oblique[:3, :3] = about_z @ about_x @ affine[:3, :3]
for name, where in (("qform", oblique), ("qform_mirrored", oblique @ np.diag([-1, 1, 1, 1]))):
    data = stack.astype(np.uint8)
    image = image_of(data[::-1] if name.endswith("mirrored") else data, None)
    if name.endswith("mirrored"):
        where = where.copy()
        where[:3, 3] = oblique[:3, 3] + 2 * oblique[:3, 0]
    image.header.set_qform(where, 1)
    image.header.set_sform(None, 0)
    data = single(image)
    read = nib.load("/tmp/fixture.nii")
    assert read.header["sform_code"] == 0 and read.header["qform_code"] == 1
    put(name + ".nii", data, read)
image = image_of(stack.astype(np.uint8)[:, ::-1], None)  # neither: nibabel takes the file for LAS
image.header.set_zooms((0.75, 0.625, 2.5))
image.header.set_qform(None, 0)
image.header.set_sform(None, 0)
data = single(image)
put("pixdim.nii", data, nib.load("/tmp/fixture.nii"))

packed = image_of(stack.astype(np.int16))
packed.to_filename("/tmp/fixture.nii.gz")
put("packed.nii.gz", open("/tmp/fixture.nii.gz", "rb").read(), packed)
pair = nib.Nifti1Pair(stack.astype(np.int16), affine)
pair.to_filename("/tmp/fixture.hdr")
put("pair.hdr", open("/tmp/fixture.hdr", "rb").read(), pair)
put("pair.img", open("/tmp/fixture.img", "rb").read(), pair)
nib.Nifti2Image(stack.astype(np.int16), affine).to_filename("/tmp/fixture.nii")
put("second.nii", open("/tmp/fixture.nii", "rb").read(), packed)

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "nifti.gz")
with open(here, "wb") as to, gzip.GzipFile("", "wb", 9, to, 0) as packed_to:
    packed_to.write(out.getvalue())
