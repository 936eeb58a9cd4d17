"""Starts the executable of a module as Python DimOS does: with its own NativeModule.

    native_module.py EXECUTABLE line|arguments

Says `started`, then tells what comes on /robot0/cmd_vel; a line on stdin makes it publish a scan whose nearest range that
line is; when stdin ends it stops the module and says `stopped`.
"""

import sys

from dimos.core.core import rpc
from dimos.core.native_module import NativeModule, NativeModuleConfig
from dimos.core.stream import In, Out
from dimos.core.transport import LCMTransport
from dimos.msgs.geometry_msgs.Twist import Twist
from dimos_lcm.sensor_msgs import LaserScan as Raw


class LaserScan(Raw):
    msg_name = "sensor_msgs.LaserScan"


class CruiseConfig(NativeModuleConfig):
    executable: str
    speed_mps: float = 0.25
    near_m: float = 0.5


class Cruise(NativeModule):
    config: CruiseConfig
    scan: In[LaserScan]
    cmd_vel: Out[Twist]


def main():
    module = Cruise(executable=sys.argv[1], stdin_config=sys.argv[2] == "line")
    module.scan.transport = LCMTransport("/robot0/scan", LaserScan)
    module.cmd_vel.transport = LCMTransport("/robot0/cmd_vel", Twist)
    commands = LCMTransport("/robot0/cmd_vel", Twist)
    commands.subscribe(lambda twist: print("heard", twist.linear.x, twist.angular.z, flush=True))
    scans = LCMTransport("/robot0/scan", LaserScan)
    module.start()
    print("started", flush=True)
    for line in sys.stdin:
        scan = LaserScan()
        scan.ranges = [9.0, float(line)]
        scan.ranges_length = 2
        scans.broadcast(None, scan)
    module.stop()
    print("stopped", flush=True)


main()
