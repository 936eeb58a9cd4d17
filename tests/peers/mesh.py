"""A process of the mesh, with nothing but the lcm module and the classes that lcm-gen makes of lcm-types/idl/dimos_mesh.

    mesh.py CLASSES URL list                      who says within a second that it is there, one JSON object a line
    mesh.py CLASSES URL call NAME METHOD JSON     the result of a call, or its error and exit code 1
    mesh.py CLASSES URL serve NAME                serves `echo` and `add` until SIGTERM, and tells what it runs

CLASSES is the directory that lcm-gen wrote to.
"""

import hashlib
import json
import os
import random
import select
import signal
import socket
import sys
import time

import lcm

sys.path.insert(0, sys.argv[1])
from dimos_mesh import Ask, Beat, Claim, RpcRequest, RpcResponse  # noqa: E402

CLAIMS, ASKS, BEATS = "/mesh/claim#dimos_mesh.Claim", "/mesh/ask#dimos_mesh.Ask", "/mesh/beat#dimos_mesh.Beat"
OWNING = (Claim.STARTING, Claim.RUNNING, Claim.STOPPING)

# A message with the header of LCM, its channel and the NUL behind it fits a datagram of this size.
MAX_DATAGRAM = 1399
LCM_HEADER = 8
MAX_CHANNEL = 63

# Parts on their way, parts that the other side may have on their way, and the longest list of missing ones.
WINDOW = 32
CREDIT = 64
MAX_MISSING = 64

# Seconds.
LISTEN = 0.2
BEAT = 1.0
RESEND = 0.05
RESEND_MAX = 0.4
BELIEVABLE = 0.01
UNACKNOWLEDGED = 2.0
QUIET = 1.3
DEADLINE = 10.0
FIND = 3.0


class RpcError(Exception):
    """Why a call has no result, as it goes over the wire."""

    def __init__(self, code, message, **data):
        super().__init__(message)
        self.body = {"code": code, "message": message, **({"data": data} if data else {})}


class Sending:
    """A body on its way in parts, which are sent again until the other side has them."""

    def __init__(self, body, room, credit):
        self.total = len(body)
        self.room = room
        self.parts = [body[at : at + room] for at in range(0, self.total, room)] or [b""]
        self.received = 0
        self.allowed = max(credit, 1)
        self.sent = {}
        self.arrived = set()

    def is_over(self):
        return self.received == len(self.parts)

    def due(self, now):
        """The numbers of the parts to be sent now, each with how often it was sent before."""
        for sequence in range(self.received, min(len(self.parts), self.allowed, self.received + WINDOW)):
            last, times = self.sent.get(sequence, (0, 0))
            if sequence in self.arrived or (times and now < last + min(RESEND * 2 ** (times - 1), RESEND_MAX)):
                continue
            self.sent[sequence] = (now, times + 1)
            yield sequence, times

    def acknowledge(self, now, message):
        """Takes in `received`, `credit` and `missing` of an ACCEPTED or RECEIVED."""
        if self.received <= message.received <= len(self.sent):
            self.received = message.received
            self.allowed = max(self.allowed, message.received + message.credit)
            known = message.received
            for sequence in message.missing:
                self.arrived.update(range(known, sequence))
                known = sequence + 1
                # It may be on its way again already.
                last, times = self.sent.get(sequence, (now, 0))
                if now - last > BELIEVABLE:
                    self.sent[sequence] = (0, times)

    def fill(self, message, sequence):
        message.sequence, message.total_bytes, message.offset = sequence, self.total, sequence * self.room
        message.part = self.parts[sequence]
        message.part_length = len(message.part)
        return message


class Receiving:
    """A body that arrives in parts."""

    def __init__(self):
        self.received = 0
        self.body = b""
        self.early = {}
        self.total = None
        self.is_news = False

    def take(self, message):
        self.is_news = True
        self.total = message.total_bytes if self.total is None else self.total
        if message.sequence >= self.received and message.total_bytes == self.total:
            self.early[message.sequence] = (message.offset, message.part)
        while self.received in self.early:
            offset, part = self.early.pop(self.received)
            if offset != len(self.body):
                break
            self.body += part
            self.received += 1

    def is_whole(self):
        return self.received > 0 and len(self.body) == self.total

    def report(self, message):
        """Enters what has arrived, for the next time only if more has."""
        self.is_news = False
        message.received, message.credit = self.received, CREDIT
        # With the one behind the last that came: it says which that was.
        end = max(self.early) + 2 if self.early else self.received
        message.missing = [number for number in range(self.received, end) if number not in self.early][:MAX_MISSING]
        message.missing_length = len(message.missing)
        return message


class Process:
    """One that only calls others."""

    def __init__(self, url):
        self.bus = lcm.LCM(url)
        self.node = int.from_bytes(os.urandom(8), "big", signed=True) or 1
        self.refused = 0

    def hear(self, channel, kind, hear):
        def decode_and_hear(_, data):
            try:
                message = kind.decode(data)
            except (ValueError, OSError):
                self.refused += 1
                return
            # The version of all of them is 1 as yet. Callers learn of another one.
            if message.version == Claim.VERSION or kind is RpcRequest:
                hear(message)

        # For LCM it is a regular expression; the full stop is the only special character that names have.
        self.bus.subscribe(channel, decode_and_hear).set_queue_capacity(0)

    def wait(self, seconds):
        """Hears what comes in this time at most, and all that has come when it returns."""
        select.select([self.bus.fileno()], [], [], max(seconds, 0))
        while self.bus.handle_timeout(0):
            pass

    def wait_all(self, seconds):
        """Hears what comes in this time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.wait(until - time.monotonic())

    def ask(self, name=""):
        ask = Ask()
        ask.version, ask.asker, ask.name = Claim.VERSION, self.node, name
        self.bus.publish(ASKS, ask.encode())


class Found:
    """The last claim of each process."""

    def __init__(self):
        self.claims = {}

    def heard(self, claim):
        known = self.claims.get(claim.node)
        if known is None or is_newer(claim.serial, known.serial):
            self.claims[claim.node] = claim

    def owner(self, name):
        owners = [claim for claim in self.claims.values() if claim.name == name and claim.state in OWNING]
        return max(owners, key=rank, default=None)


class Call:
    """A call that is made."""

    def __init__(self, process, owner, method, arguments):
        self.process = process
        self.owner = owner
        self.method = method
        self.channel = rpc_channel(owner.name, "req#dimos_mesh.RpcRequest")
        self.began = self.heard_at = time.monotonic()
        self.is_acknowledged = False
        self.kind = None
        self.answer = Receiving()
        process.hear(rpc_channel(hexadecimal(process.node), "res#dimos_mesh.RpcResponse"), RpcResponse, self.heard)
        self.arguments = Sending(arguments, room(self.channel, self.request(RpcRequest.CALL)), WINDOW)

    def run(self):
        questions = 0
        while not self.answer.is_whole():
            now = time.monotonic()
            if now > self.began + DEADLINE:
                raise RpcError("deadline", "no answer before the deadline")
            if not self.is_acknowledged and now > self.began + UNACKNOWLEDGED:
                raise RpcError("no_such_process", "no acknowledgement")
            for sequence, times in self.arguments.due(now):
                request = self.request(RpcRequest.PART if sequence else RpcRequest.CALL)
                request.attempt = times
                self.send(self.arguments.fill(request, sequence))
            if self.answer.is_news or (self.is_acknowledged and now > self.heard_at + QUIET + questions * RESEND_MAX):
                request = self.answer.report(self.request(RpcRequest.RECEIVED))
                if now > self.heard_at + QUIET:
                    questions += 1
                    request.attempt = questions
                self.send(request)
            self.process.wait(0.005)
        self.done()
        # It is said again to a process that did not hear it.
        self.answer.is_news = False
        until = time.monotonic() + 3 * RESEND
        while time.monotonic() < until:
            self.process.wait(RESEND)
            if self.answer.is_news:
                self.done()
                self.answer.is_news = False
        return self.kind == RpcResponse.RESULT, self.answer.body

    def heard(self, response):
        if (response.callee, response.caller, response.call) != (self.owner.node, self.process.node, 1):
            return
        self.is_acknowledged = True
        self.heard_at = time.monotonic()
        if response.kind == RpcResponse.ACCEPTED:
            self.arguments.acknowledge(self.heard_at, response)
        elif response.kind in (RpcResponse.RUNNING, RpcResponse.RESULT, RpcResponse.ERROR):
            self.arguments.received = len(self.arguments.parts)
        if response.kind in (RpcResponse.RESULT, RpcResponse.ERROR):
            self.kind = response.kind
            self.answer.take(response)

    def done(self):
        request = self.request(RpcRequest.DONE)
        request.done_before = 2
        self.send(request)

    def request(self, kind):
        request = RpcRequest()
        request.version, request.kind, request.codec = RpcRequest.VERSION, kind, RpcRequest.JSON
        request.caller, request.target, request.call, request.done_before = self.process.node, self.owner.node, 1, 1
        request.time_left_us = int((self.began + DEADLINE - time.monotonic()) * 1e6)
        if kind in (RpcRequest.CALL, RpcRequest.PART):
            request.method, request.credit = self.method, CREDIT
        return request

    def send(self, request):
        self.process.bus.publish(self.channel, request.encode())


class Served:
    """A call that is answered."""

    def __init__(self, request):
        self.method = request.method
        self.credit = request.credit
        self.until = time.monotonic() + request.time_left_us / 1e6
        self.arguments = Receiving()
        self.answer = None
        self.kind = None


class Server(Process):
    """One that owns a name and answers calls."""

    def __init__(self, url, name):
        super().__init__(url)
        self.name = name
        self.state = Claim.CLAIMING
        self.epoch = 0
        self.serial = 0
        self.heard_epoch = 0
        self.claim_at = []
        self.displaced_by = None
        self.calls = {}
        # Calls that are not to be run any more: each, and all before a number, of each caller.
        self.over = set()
        self.done_before = {}

    def serve(self, is_stopped):
        self.hear(CLAIMS, Claim, self.heard_claim)
        self.hear(ASKS, Ask, self.heard_ask)
        self.hear(rpc_channel(self.name, "req#dimos_mesh.RpcRequest"), RpcRequest, self.heard_request)
        self.claim_name()
        print(f"owns {self.name} {self.epoch}", flush=True)
        beats, beat_at = 0, 0
        while not is_stopped():
            now = time.monotonic()
            if now >= beat_at:
                beats, beat_at = beats + 1, now + BEAT * random.uniform(0.9, 1.1)
                self.beat(beats)
            if any(at <= now for at in self.claim_at):
                self.claim_at = [at for at in self.claim_at if at > now]
                self.claim()
            if self.displaced_by is not None:
                print(f"displaced by {hexadecimal(self.displaced_by)}", flush=True)
                return 13
            self.send_answers(now)
            self.wait(0.005 if self.calls or self.claim_at else 0.05)
        self.state = Claim.GONE
        for _ in range(3):
            self.claim()
            time.sleep(0.02)
        return 0

    def claim_name(self):
        """Listens whether somebody has the name, and takes it with the next larger epoch."""
        until = time.monotonic() + LISTEN
        while time.monotonic() < until:
            self.claim()
            self.wait_all(LISTEN / 4)
        self.state, self.epoch = Claim.RUNNING, self.heard_epoch + 1
        self.claim_soon(0, 0.08, 0.24, 0.56)

    def heard_claim(self, claim):
        if claim.node == self.node or claim.name != self.name:
            return
        if self.state == Claim.CLAIMING and claim.state in OWNING:
            self.heard_epoch = max(self.heard_epoch, claim.epoch)
        elif self.state == Claim.RUNNING and claim.state in OWNING and rank(claim) > (self.epoch, unsigned(self.node)):
            self.state, self.displaced_by = Claim.DISPLACED, claim.node
            self.claim()
        elif self.state == Claim.RUNNING and (claim.state == Claim.CLAIMING or claim.state in OWNING):
            self.claim_soon(0)

    def heard_ask(self, ask):
        if ask.asker == self.node:
            return
        if ask.node == self.node or (ask.node == 0 and ask.name == self.name and self.state in OWNING):
            self.claim_soon(0)
        elif ask.node == 0 and ask.name == "":
            # Not together with all others.
            self.claim_soon(random.uniform(0, 0.02))

    def claim_soon(self, *after):
        now = time.monotonic()
        self.claim_at += [now + seconds for seconds in after]

    def claim(self):
        claim = Claim()
        self.serial += 1
        claim.version, claim.state, claim.node, claim.serial = Claim.VERSION, self.state, self.node, self.serial
        claim.epoch, claim.name, claim.class_name = self.epoch, self.name, "PythonServer"
        claim.host = claim.host_id = socket.gethostname()
        claim.pid = os.getpid()
        self.bus.publish(CLAIMS, claim.encode())

    def beat(self, counter):
        beat = Beat()
        beat.version, beat.state, beat.node, beat.counter = Claim.VERSION, self.state, self.node, counter
        self.bus.publish(BEATS, beat.encode())

    def heard_request(self, request):
        if request.target != self.node or self.state not in OWNING:
            return
        now = time.monotonic()
        key = (request.caller, request.call)
        kind = request.kind
        if request.version != RpcRequest.VERSION:
            if kind == RpcRequest.CALL:
                versions = {"caller": request.version, "callee": RpcRequest.VERSION}
                self.refuse(key, RpcError("incompatible_version", "another version of the protocol", **versions))
        elif kind == RpcRequest.DONE:
            self.end([key, *((request.caller, call) for call in request.missing)])
        elif key in self.over or request.call < self.done_before.get(request.caller, 0):
            pass
        elif kind in (RpcRequest.CALL, RpcRequest.PART):
            self.heard_call(now, key, request)
        elif key not in self.calls:
            # One that is cancelled before it comes shall not run when it does.
            self.over.add(key)
            code = "cancelled" if kind == RpcRequest.CANCEL else "outcome_unknown"
            self.refuse(key, RpcError(code, "the call is not known here"))
        elif kind == RpcRequest.CANCEL and self.calls[key].answer is None:
            self.end([key])
            self.refuse(key, RpcError("cancelled", "cancelled"))
        elif kind == RpcRequest.RECEIVED and self.calls[key].answer:
            self.calls[key].answer.acknowledge(now, request)
        if request.done_before > self.done_before.get(request.caller, 0):
            self.done_before[request.caller] = request.done_before
            self.end([key for key in self.calls if key[0] == request.caller and key[1] < request.done_before])
            self.over = {key for key in self.over if key[0] != request.caller or key[1] >= request.done_before}

    def heard_call(self, now, key, request):
        served = self.calls.get(key)
        if served is None:
            try:
                self.check(request)
            except RpcError as error:
                self.refuse(key, error)
                return
            served = self.calls[key] = Served(request)
        if served.answer:
            # What was sent last may be lost.
            served.answer.sent = {
                sequence: (0 if now - last > BELIEVABLE else last, times)
                for sequence, (last, times) in served.answer.sent.items()
            }
            return
        served.arguments.take(request)
        if served.arguments.is_whole():
            served.kind, body = self.run(served)
            channel, response = self.response(key, served.kind)
            served.answer = Sending(body, room(channel, response), served.credit)

    def check(self, request):
        method = {"method": request.method}
        if request.method not in METHODS:
            raise RpcError("unknown_method", f'unknown method "{request.method}"', **method)
        if request.is_stream:
            raise RpcError("not_streaming", f'"{request.method}" answers once', **method)
        if request.codec != RpcRequest.JSON:
            raise RpcError("contract_mismatch", "JSON only", caller=request.contract, callee="")
        if request.time_left_us <= 0:
            raise RpcError("deadline", "it came too late")

    def run(self, served):
        print(f"runs {served.method}", flush=True)
        try:
            result = METHODS[served.method](json.loads(served.arguments.body))
        except RpcError as error:
            return RpcResponse.ERROR, encode(error.body)
        except ValueError as error:
            return RpcResponse.ERROR, encode(RpcError("bad_arguments", str(error)).body)
        return RpcResponse.RESULT, encode(result)

    def send_answers(self, now):
        for key, served in list(self.calls.items()):
            if served.answer is None:
                if served.arguments.is_news:
                    channel, response = self.response(key, RpcResponse.ACCEPTED)
                    self.bus.publish(channel, served.arguments.report(response).encode())
            else:
                for sequence, _ in served.answer.due(now):
                    channel, response = self.response(key, served.kind)
                    self.bus.publish(channel, served.answer.fill(response, sequence).encode())
            if now > served.until or (served.answer and served.answer.is_over()):
                self.end([key])

    def refuse(self, key, error):
        """Answers without remembering it."""
        channel, response = self.response(key, RpcResponse.ERROR)
        body = encode(error.body)
        self.bus.publish(channel, Sending(body, len(body), 1).fill(response, 0).encode())

    def end(self, keys):
        for key in keys:
            self.calls.pop(key, None)
            self.over.add(key)

    def response(self, key, kind):
        response = RpcResponse()
        response.version, response.kind, response.codec = RpcRequest.VERSION, kind, RpcRequest.JSON
        response.callee = self.node
        response.caller, response.call = key
        return rpc_channel(hexadecimal(key[0]), "res#dimos_mesh.RpcResponse"), response


def add(arguments):
    try:
        return arguments["a"] + arguments["b"]
    except (KeyError, TypeError) as error:
        raise RpcError("bad_arguments", repr(error)) from error


def echo(arguments):
    return arguments


METHODS = {"add": add, "echo": echo}


def rank(claim):
    return claim.epoch, unsigned(claim.node)


def unsigned(node):
    return node % (1 << 64)


def hexadecimal(node):
    return f"{unsigned(node):016x}"


def is_newer(serial, than):
    return 0 < (serial - than) % (1 << 32) < 1 << 31


def encode(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def room(channel, message):
    """How many bytes a part of this message may have."""
    return MAX_DATAGRAM - LCM_HEADER - len(channel) - 1 - len(message.encode())


def rpc_channel(name, end):
    channel = f"/rpc/{name}/{end}"
    return channel if len(channel) <= MAX_CHANNEL else f"/rpc/{short_id(name)}/{end}"


def short_id(name):
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    number, text = int.from_bytes(hashlib.sha1(name.encode()).digest()[:16], "big"), ""
    while number:
        number, digit = divmod(number, 62)
        text = digits[digit] + text
    return text[:18]


def list_claims(process):
    found = Found()
    process.hear(CLAIMS, Claim, found.heard)
    # More than once, in case it is lost.
    for seconds in (0.1, 0.2, 0.7):
        process.ask()
        process.wait_all(seconds)
    for claim in found.claims.values():
        shown = {member: getattr(claim, member) for member in ("name", "state", "epoch", "class_name", "host", "pid")}
        print(json.dumps({**shown, "node": hexadecimal(claim.node)}))
    return 0


def find(process, name):
    found = Found()
    process.hear(CLAIMS, Claim, found.heard)
    until, gap = time.monotonic() + FIND, 0.05
    while not found.owner(name):
        if time.monotonic() > until:
            return None
        process.ask(name)
        process.wait_all(gap)
        gap *= 2
    return found.owner(name)


def call(process, name, method, arguments):
    owner = find(process, name)
    if owner is None:
        print(f"nobody owns {name}", file=sys.stderr)
        return 4
    try:
        is_result, body = Call(process, owner, method, arguments.encode()).run()
    except RpcError as error:
        is_result, body = False, encode(error.body)
    print(body.decode())
    return 0 if is_result else 1


def serve(url, name):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    return Server(url, name).serve(lambda: stopped)


def main():
    _, _, url, command, *arguments = sys.argv
    if command == "list":
        return list_claims(Process(url))
    if command == "call":
        return call(Process(url), *arguments)
    return serve(url, *arguments)


sys.exit(main())
