"""What Python DimOS's spy counts with, without its screen: messages and bytes of every topic, over LCM.

Speaks with the tool in lines on stdin and stdout. Its log goes to stderr, as far as it can be told to.
"""

import sys

# Before DimOS is imported, which may print.
answers, sys.stdout = sys.stdout, sys.stderr

from dimos.cli.spy.core import LCMSpySource, TransportSpy  # noqa: E402

spy = TransportSpy(sources=[LCMSpySource()])
spy.start()
print("ready", file=answers, flush=True)
for line in sys.stdin:
    if line.strip() == "stop":
        break
print(f"received={spy.totals.total_msgs}", file=answers, flush=True)
spy.stop()
