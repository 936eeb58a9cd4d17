"""Publishes poses that it is told on stdin, `CHANNEL FRAME X`, and tells those that come on /echo."""

import select
import sys

import lcm
from dimos_lcm.geometry_msgs import PoseStamped


def tell(channel, data):
    pose = PoseStamped.lcm_decode(data)
    print(channel, pose.header.frame_id, pose.pose.position.x)


bus = lcm.LCM()
bus.subscribe("/echo#.*", tell)
print("ready")
while True:
    readable, _, _ = select.select([sys.stdin, bus.fileno()], [], [])
    if bus.fileno() in readable:
        bus.handle()
    if sys.stdin in readable:
        line = sys.stdin.readline()
        if not line:
            break
        channel, frame, x = line.split()
        pose = PoseStamped()
        pose.header.frame_id = frame
        pose.pose.position.x = float(x)
        bus.publish(channel, pose.lcm_encode())
