"""Says everything of each event in an LCM log: number, timestamp, channel in hex ("-" if empty), size, CRC-32 in hex.

Argument: the log.
"""

import sys
import zlib

import lcm

for event in lcm.EventLog(sys.argv[1], "r"):
    name = event.channel.encode().hex() or "-"
    print(event.eventnum, event.timestamp, name, len(event.data), f"{zlib.crc32(event.data):08x}")
