"""Calls over Python DimOS's own RPC on LCM: a server that echoes, and a caller.

Does what the mesh worker of lcm-bench does, and speaks with the tool as that does: lines on stdin and stdout. Everything of
DimOS is at its default. Its log goes to stderr, as far as it can be told to.
"""

import argparse
import sys
import time

# Before DimOS is imported, which may print.
answers, sys.stdout = sys.stdout, sys.stderr

from dimos.protocol.rpc.pubsubrpc import LCMRPC  # noqa: E402


def say(line):
    print(line, file=answers, flush=True)


def expect(word):
    line = sys.stdin.readline().strip()
    if line != word:
        sys.exit(f"expected the order `{word}`, not {line!r}")


def serve(job):
    calls = 0

    def echo(point):
        nonlocal calls
        calls += 1
        return point

    rpc = LCMRPC()
    rpc.start()
    rpc.serve_rpc(echo, job.address)
    say("ready")
    expect("mark")
    calls_before, cpu_before = calls, time.process_time_ns()
    say("marked")
    expect("stop")
    say(f"calls={calls - calls_before} cpu_ns={time.process_time_ns() - cpu_before}")


def call(job):
    rpc = LCMRPC()
    rpc.start()

    def in_turn(limit, seconds):
        times = []
        start = time.perf_counter()
        for number in range(limit):
            if time.perf_counter() - start >= seconds:
                break
            before = time.perf_counter_ns()
            point = {"x": number + 0.5, "y": -2.5}
            answer, _ = rpc.call_sync(job.address, ([point], {}), rpc_timeout=10.0)
            if answer != point:
                sys.exit(f"{answer} is not {point}")
            times.append(time.perf_counter_ns() - before)
        return times

    in_turn(job.warm_up, float("inf"))
    say("ready")
    expect("go")
    start, cpu_before = time.perf_counter_ns(), time.process_time_ns()
    times = sorted(in_turn(job.limit, job.seconds))
    elapsed_ns, cpu_ns = time.perf_counter_ns() - start, time.process_time_ns() - cpu_before

    def at(percent):
        return times[max(0, -(-len(times) * percent // 100) - 1)] if times else 0

    say(f"calls={len(times)} p50_ns={at(50)} p99_ns={at(99)} elapsed_ns={elapsed_ns} cpu_ns={cpu_ns}")


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["serve", "call"])
parser.add_argument("--address", required=True)
parser.add_argument("--limit", type=int, default=sys.maxsize)
parser.add_argument("--seconds", type=float, default=1e9)
parser.add_argument("--warm-up", type=int, default=0)
job = parser.parse_args()
{"serve": serve, "call": call}[job.role](job)
