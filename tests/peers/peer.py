"""A Python LCM program that does what a test tells it: the same arguments, orders and answers as peer.c."""

import itertools
import sys
import time
import zlib

import lcm

BLOCK = 65521


def pattern(seed, size):
    """The bytes that follow from a seed, as every program of these tests makes them."""
    block = bytearray()
    for _ in range(min(BLOCK, size)):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        block.append(seed >> 24)
    return bytes(itertools.islice(block, size)) if size <= BLOCK else (bytes(block) * (size // BLOCK + 1))[:size]


def heard(channel, data):
    print(channel.encode().hex() or "-", len(data), f"{zlib.crc32(data):08x}", flush=True)


def listen(bus, regex):
    bus.subscribe(regex, heard).set_queue_capacity(0)
    print("ready", flush=True)
    while True:
        bus.handle()


def send(bus):
    print("ready", flush=True)
    for line in sys.stdin:
        name, seed, size, count, pause_us = line.split()
        channel = "" if name == "-" else bytes.fromhex(name).decode()
        for number in range(int(count)):
            bus.publish(channel, pattern(int(seed) + number, int(size)))
            time.sleep(int(pause_us) / 1e6)
        print("sent 0", flush=True)


if __name__ == "__main__":
    BUS = lcm.LCM(sys.argv[1])
    if sys.argv[2] == "listen":
        listen(BUS, sys.argv[3])
    else:
        send(BUS)
