"""The server of LCM's own client/server test. Argument: URL. Says "ready", and ends on TEST_QUIT."""

import sys

import lcm

from lcmtest_messages import KINDS, members


class Server:
    def __init__(self, url):
        self.bus = lcm.LCM(url)
        self.counts = {}
        self.running = True
        self.bus.subscribe("TEST_QUIT", self.quit)
        self.bus.subscribe("TEST_ECHO", lambda _, data: self.bus.publish("TEST_ECHO_REPLY", data))
        for name, kind, _, make in KINDS:
            self.bus.subscribe(f"test_{name}", self.replier(name, kind, make))

    def quit(self, _channel, _data):
        self.running = False

    def replier(self, name, kind, make):
        def reply(_channel, data):
            message = kind.decode(data)
            if name == "lcmtest_primitives_t" and message.i64 == 0:
                self.counts.clear()
            number = self.counts.get(name, 0)
            if members(message) != members(make(number)):
                sys.exit(f"request {number} of {name} differs")
            self.bus.publish(f"test_{name}_reply", make(number + 1).encode())
            self.counts[name] = number + 1

        return reply


if __name__ == "__main__":
    SERVER = Server(sys.argv[1])
    print("ready", flush=True)
    while SERVER.running:
        SERVER.bus.handle()
