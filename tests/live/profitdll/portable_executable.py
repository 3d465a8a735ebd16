"""Windows files by hand: just enough of the format to say machine, kind and version."""

import struct


def build_pe(
    *, machine: int = 0x8664, magic: int = 0x20B, marks: int = 0x2022, version: tuple[int, ...] | None = (4, 0, 0, 41)
) -> bytes:
    """Return a file with one section that holds the resources, or none of them where there is no version."""
    resources = _resources(version) if version else b""
    optional = struct.pack("<H", magic) + bytes(110) + b"".join(
        struct.pack("<II", 0x3000 if place == 2 and version else 0, len(resources)) for place in range(16)
    )  # fmt: skip
    file_header = struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, len(optional), marks)
    section = b".rsrc\0\0\0" + struct.pack("<IIII", len(resources), 0x3000, len(resources), 0x400) + bytes(16)
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(0x40)
    return (head + b"PE\0\0" + file_header + optional + section).ljust(0x400, b"\0") + resources


def _resources(version: tuple[int, ...]) -> bytes:
    """Return a tree with an icon type before the version type; each folder has one entry below it."""
    a, b, c, d = version
    fixed = struct.pack("<IIIIII", 0xFEEF04BD, 0x10000, a << 16 | b, c << 16 | d, 0, 0)
    info = struct.pack("<HHH", 0, 52, 0) + "VS_VERSION_INFO\0".encode("utf-16-le") + b"\0\0" + fixed
    leaf = struct.pack("<IIII", 0x3000 + 128, len(info), 0, 0)
    root = bytes(12) + struct.pack("<HH", 0, 2) + struct.pack("<IIII", 3, 0x80000000 | 96, 16, 0x80000000 | 32)
    names = bytes(12) + struct.pack("<HH", 0, 1) + struct.pack("<II", 1, 0x80000000 | 56)
    languages = bytes(12) + struct.pack("<HH", 0, 1) + struct.pack("<II", 1046, 80)
    return (root + names + languages + leaf).ljust(128, b"\0") + info
