"""Writes an LCM log of patterned events, a millisecond apart. Arguments: the log, the channel, then the sizes."""

import sys

import lcm

from peer import pattern

LOG = lcm.EventLog(sys.argv[1], "w", overwrite=True)
for number, size in enumerate(sys.argv[3:]):
    LOG.write_event(1_700_000_000_000_000 + 1000 * number, sys.argv[2], pattern(number, int(size)))
LOG.close()
