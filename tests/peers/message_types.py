"""Messages of any type, made, read and compared with the Python classes of that type.

    message_types.py CLASSES make SEED COUNT TYPE...   COUNT random messages of each type, and extreme ones
    message_types.py CLASSES say SEED COUNT TYPE...    the same with JSON, and every NaN an ordinary one
    message_types.py CLASSES again                     each message from stdin, decoded and encoded again
    message_types.py CLASSES compare                   where the JSON on stdin says something else than the message

A message is a line `pkg.Type HEX`, or `pkg.Type HEX JSON`. CLASSES is the directory that lcm-gen wrote to, or one of
the packages `dimos_lcm` and `lcm_msgs`, which both come with dimos-lcm.
"""

import base64
import functools
import importlib
import itertools
import json
import math
import random
import struct
import sys

INTEGERS = {"int8_t": 8, "int16_t": 16, "int32_t": 32, "int64_t": 64}
FLOATS = {"float": ">f", "double": ">d"}


class Classes:
    """The classes of one origin. Those of dimos_lcm call their methods lcm_encode and lcm_decode."""

    def __init__(self, origin):
        self.prefix = ""
        if origin in ("dimos_lcm", "lcm_msgs"):
            # Puts lcm_msgs on the path: the second copy of the classes, which those of the first copy contain.
            importlib.import_module("dimos_lcm")
            self.prefix = origin + "."
        else:
            sys.path.insert(0, origin)

    @functools.cache
    def find(self, name):
        package, _, last = name.rpartition(".")
        found = getattr(importlib.import_module(self.prefix + (package or last)), last)
        give_enums_a_default(found, set())
        return found

    def decode(self, name, data):
        kind = self.find(name)
        return (kind.lcm_decode if self.prefix else kind.decode)(data)

    def encode(self, message):
        return message.lcm_encode() if self.prefix else message.encode()


@functools.cache
def members(kind):
    """Name, type and dimensions of each member; the type is a string or a class."""
    return [
        (name, typename if is_primitive(typename) else nested(kind, typename), dimensions or [])
        for name, typename, dimensions in zip(kind.__slots__, kind.__typenames__, kind.__dimensions__)
    ]


def is_primitive(typename):
    return typename in INTEGERS or typename in FLOATS or typename in ("byte", "string", "boolean")


def is_enum(kind):
    return not hasattr(kind, "__typenames__")


def nested(kind, typename):
    """The class of a member, as the code of the class around it finds it."""
    return functools.reduce(getattr, typename.split("."), sys.modules[kind.__module__])


def give_enums_a_default(kind, seen):
    """The class of an enum cannot be constructed without a value, which the classes around it do."""
    if is_enum(kind):
        kind.__init__.__defaults__ = (0,)
    elif kind not in seen:
        seen.add(kind)
        for _, element, _ in members(kind):
            if not isinstance(element, str):
                give_enums_a_default(element, seen)


@functools.cache
def sizes(kind):
    """The members that are sizes of arrays, and whether those arrays are of plain numbers in a row."""
    found = {}
    for _, element, dimensions in members(kind):
        for dimension in dimensions:
            if isinstance(dimension, str):
                plain = len(dimensions) == 1 and isinstance(element, str) and element != "string"
                found[dimension] = found.get(dimension, True) and plain
    return found


def floats(form, *patterns):
    size = struct.calcsize(form)
    return [struct.unpack(form, pattern.to_bytes(size, "big"))[0] for pattern in patterns]


def integers(bits):
    high = 1 << (bits - 1)
    return [0, 1, -1, -high, high - 1, 1 - high, high - 2, 0x55 - (1 << 7), 1 << (bits - 2), -0x0F]


# Zeros, infinities, ones, NaN (the default one, negative ones, ones with a payload), the smallest and largest subnormal
# numbers, the smallest and largest normal ones, and some that are not short as decimals. A signalling NaN goes through
# Python as a double; as a float it becomes a quiet one, so there the test has to put it in.
EDGES = {
    **{name: integers(bits) for name, bits in INTEGERS.items()},
    "byte": [0, 1, 0x7F, 0x80, 0xFF],
    "boolean": [False, True],
    "float": floats(
        ">f",
        0, 1 << 31, 0x7F800000, 0xFF800000, 0x3F800000, 0xBF800000, 0x7FC00000, 0xFFC00000, 0x7FC5A5A5, 0xFFFFFFFF,
        1, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3DCCCCCD, 0x4B800001, 0x34000000,
    ),
    "double": floats(
        ">d",
        0, 1 << 63, 0x7FF << 52, 0xFFF << 52, 0x3FF << 52, 0xBFF << 52, 0x7FF8 << 48, 0xFFF8 << 48, 0x7FF8A5A5A5A5A5A5,
        0x7FF0A5A5A5A5A5A5, (1 << 64) - 1, 1, (1 << 63) + 1, (1 << 52) - 1, 1 << 52, 0x7FEFFFFFFFFFFFFF,
        0xFFEFFFFFFFFFFFFF, 0x3FB999999999999A, 0x4340000000000001, 0x3CB0000000000000,
    ),
    "string": [
        "", "a", "map", "/robot0/base_link", "ü", "ß\u07ff", "€\u0800\uffff", "\U00010000\U0010ffff", "🤖 näher: 5 €",
        "\0", "a\0b\0", "\"\\/\b\f\n\r\t\x01\x1f\x7f\u2028", " ", "\ufeff\ufffd", "e\u0301", "7" * 127, "ä" * 300,
    ],
}  # fmt: skip


class Maker:
    """Fills messages. The kinds of filling differ in how long arrays are and in what stands in them."""

    def __init__(self, filling, rng, first_edge, any_nan):
        self.filling = filling
        self.rng = rng
        self.any_nan = any_nan
        self.edges = {kind: itertools.islice(itertools.cycle(edges), first_edge, None) for kind, edges in EDGES.items()}

    def message(self, kind, depth=0):
        if is_enum(kind):
            return kind(self.value("int32_t"))
        message = kind()
        lengths = {}
        for name, element, dimensions in members(kind):
            if name in sizes(kind):
                lengths[name] = min(self.length(sizes(kind)[name], depth), (1 << INTEGERS[element] - 1) - 1)
                setattr(message, name, lengths[name])
            else:
                setattr(message, name, self.array(element, [lengths.get(size, size) for size in dimensions], depth))
        return message

    def array(self, element, dimensions, depth):
        if not dimensions:
            return self.value(element) if isinstance(element, str) else self.message(element, depth + 1)
        if element == "byte" and len(dimensions) == 1:
            return bytes(self.value(element) for _ in range(dimensions[0]))
        return [self.array(element, dimensions[1:], depth) for _ in range(dimensions[0])]

    def length(self, plain, depth):
        if self.filling == "empty":
            return 0
        if self.filling == "deep":
            return int(depth < 60)
        if depth > 3:
            return 0
        if self.filling == "long" and depth == 0:
            return 1500 if plain else 40
        if self.filling == "long":
            return 2 - depth // 2
        if plain:
            # From nothing to more than what is converted at once.
            return self.rng.randint(0, 70 >> 2 * depth)
        return self.rng.randint(0, 4 - depth)

    def value(self, kind):
        if self.filling == "empty":
            return EDGES[kind][0]
        if self.filling == "edges":
            edge = next(self.edges[kind])
            return edge if edge == edge or self.any_nan else math.nan
        if kind in INTEGERS:
            bits = INTEGERS[kind]
            return self.rng.getrandbits(bits) - (1 << bits - 1) >> self.rng.randrange(bits)
        if kind in FLOATS:
            return self.number(FLOATS[kind])
        if kind == "byte":
            return self.rng.getrandbits(8)
        if kind == "boolean":
            return self.rng.random() < 0.5
        return self.text()

    def number(self, form):
        if self.rng.random() < 0.5:
            return struct.unpack(form, struct.pack(form, self.rng.uniform(-1000, 1000)))[0]
        number = math.nan
        while math.isnan(number):
            (number,) = floats(form, self.rng.getrandbits(8 * struct.calcsize(form)))
        return number

    def text(self):
        if self.filling == "long":
            return "🚧ab" * self.rng.randint(0, 20)
        # As many of one byte as of four.
        tops = (0x80, 0x800, 0xD800, 0x110000)
        points = [self.rng.randrange(self.rng.choice(tops)) for _ in range(self.rng.randint(0, 12))]
        return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


def make(classes, seed, count, names):
    for name, message in messages(classes, seed, count, names, any_nan=True):
        yield f"{name} {classes.encode(message).hex()}"


def say(classes, seed, count, names):
    for name, message in messages(classes, seed, count, names, any_nan=False):
        said = json.dumps(in_json(classes.find(name), [], message), ensure_ascii=False, allow_nan=False)
        yield f"{name} {classes.encode(message).hex()} {said}"


def messages(classes, seed, count, names, any_nan):
    # As many with edges as there are, each with another one first, so that every member is every edge once.
    edges = ["edges"] * max(len(edges) for edges in EDGES.values())
    fillings = ["empty", "deep", "long", *["random"] * int(count), *edges]
    for name in names:
        rng = random.Random(f"{seed} {name}")
        for number, filling in enumerate(fillings):
            yield name, Maker(filling, rng, number, any_nan).message(classes.find(name))


def again(classes, lines):
    for line in lines:
        name, data = line.split()
        yield f"{name} {classes.encode(classes.decode(name, bytes.fromhex(data))).hex()}"


def compare(classes, lines):
    for number, line in enumerate(lines, 1):
        name, data, text = line.split(" ", 2)
        message = classes.decode(name, bytes.fromhex(data))
        for path, ours, theirs in differences(classes.find(name), [], message, json.loads(text)):
            yield f"line {number}: {name}: {path or 'the message'}: the class has {ours!r}, JSON has {theirs!r}"


def differences(element, dimensions, value, said, path=""):
    """Path, value and JSON of each place where the two disagree."""
    if dimensions and not (element == "byte" and len(dimensions) == 1):
        if not isinstance(said, list) or len(said) != len(value):
            yield path, value, said
            return
        for index, (one, said_of_it) in enumerate(zip(value, said)):
            yield from differences(element, dimensions[1:], one, said_of_it, f"{path}[{index}]")
    elif isinstance(element, str) or is_enum(element):
        if not is_said(element, dimensions, value, said):
            yield path, value, said
    else:
        shown = shown_members(element)
        if not isinstance(said, dict) or list(said) != [name for name, _, _ in shown]:
            yield path, [name for name, _, _ in shown], said
            return
        for name, kind, inner in shown:
            yield from differences(kind, inner, getattr(value, name), said[name], f"{path}.{name}".lstrip("."))


def in_json(element, dimensions, value):
    if dimensions and element == "byte" and len(dimensions) == 1:
        return base64.b64encode(value).decode()
    if dimensions:
        return [in_json(element, dimensions[1:], one) for one in value]
    if element in FLOATS:
        return value if math.isfinite(value) else not_finite(value)
    if isinstance(element, str):
        return value
    if is_enum(element):
        return value.value
    return {name: in_json(kind, inner, getattr(value, name)) for name, kind, inner in shown_members(element)}


def is_said(element, dimensions, value, said):
    if dimensions:
        return said == base64.b64encode(value).decode()
    if not isinstance(element, str):
        value = value.value
    if element in FLOATS:
        if not math.isfinite(value):
            return said == not_finite(value)
        if type(said) not in (int, float):
            return False
        return struct.pack(FLOATS[element], said) == struct.pack(FLOATS[element], value)
    # In Python, True == 1 and 1 == 1.0.
    return type(said) is type(value) and said == value


def not_finite(value):
    return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")


@functools.cache
def shown_members(kind):
    """Those that JSON has. A member that is the outermost size of an array says no more than the array's length."""
    told = {dimensions[0] for _, _, dimensions in members(kind) if dimensions}
    return [member for member in members(kind) if member[0] not in told]


def main():
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    classes, command = Classes(sys.argv[1]), sys.argv[2]
    if command in ("make", "say"):
        lines = {"make": make, "say": say}[command](classes, sys.argv[3], sys.argv[4], sys.argv[5:])
    else:
        # JSON may contain what str.splitlines takes for the end of a line.
        given = (line.rstrip("\n") for line in sys.stdin)
        lines = {"again": again, "compare": compare}[command](classes, given)
    text = "".join(line + "\n" for line in lines)
    sys.stdout.write(text)


main()
