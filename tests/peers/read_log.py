"""Says of each event in an LCM log: channel in hex ("-" if empty), size, CRC-32 in hex. Argument: the log."""

import sys
import zlib

import lcm

for event in lcm.EventLog(sys.argv[1], "r"):
    print(event.channel.encode().hex() or "-", len(event.data), f"{zlib.crc32(event.data):08x}")
