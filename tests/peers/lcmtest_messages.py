"""The messages of LCM's own client/server test, made and checked with the classes that lcm-gen writes.

Each follows from a number. LCMTEST_TYPES names the directory of the generated classes.
"""

import os
import sys

sys.path.insert(0, os.environ["LCMTEST_TYPES"])

import lcmtest  # noqa: E402
import lcmtest2  # noqa: E402


def fill_primitives(message, n, sign):
    """Numbers of a given sign; i8, position and the like all follow from n."""
    message.i8 = sign * (n % 100)
    message.i16 = sign * n * 10
    message.i64 = sign * n * 10000
    message.position = [float(sign * n)] * 3
    message.orientation = [float(sign * n)] * 4
    message.num_ranges = n
    message.ranges = [sign * i for i in range(n)]
    message.name = str(sign * n)
    message.enabled = bool(n % 2) if sign > 0 else not n % 2
    return message


def primitives(n):
    return fill_primitives(lcmtest.primitives_t(), n, 1)


def primitives_list(n):
    message = lcmtest.primitives_list_t()
    message.num_items = n
    message.items = [fill_primitives(lcmtest.primitives_t(), i, -1) for i in range(n)]
    return message


def node(n):
    message = lcmtest.node_t()
    message.num_children = n
    message.children = [node(n - 1) for _ in range(n)]
    return message


def multidim_array(n):
    message = lcmtest.multidim_array_t()
    message.size_a = message.size_b = message.size_c = n
    message.data = [[[(a * n + b) * n + c for c in range(n)] for b in range(n)] for a in range(n)]
    message.strarray = [[str(a * n + c) for c in range(n)] for a in range(2)]
    return message


def cross_package(n):
    message = lcmtest2.cross_package_t()
    message.primitives = primitives(n)
    message.another = lcmtest2.another_type_t()
    message.another.val = n
    return message


# Name, type, rounds, maker; in the order in which a client goes through them.
KINDS = [
    ("lcmtest_primitives_t", lcmtest.primitives_t, 1000, primitives),
    ("lcmtest_primitives_list_t", lcmtest.primitives_list_t, 100, primitives_list),
    ("lcmtest_node_t", lcmtest.node_t, 7, node),
    ("lcmtest_multidim_array_t", lcmtest.multidim_array_t, 5, multidim_array),
    ("lcmtest2_cross_package_t", lcmtest2.cross_package_t, 100, cross_package),
]


def members(value):
    """A message as nested tuples, which can be compared."""
    if hasattr(value, "__slots__"):
        return tuple(members(getattr(value, name)) for name in value.__slots__)
    if isinstance(value, (list, tuple)):
        return tuple(members(element) for element in value)
    return value


if __name__ == "__main__":
    for name, kind, _, _ in KINDS:
        print(name, kind._get_packed_fingerprint().hex())
