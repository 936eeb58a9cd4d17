"""The client of LCM's own client/server test. Argument: URL. Says "passed" when every round went well."""

import random
import sys

import lcm

from lcmtest_messages import KINDS, members

TIMEOUT_MS = 10000


class Client:
    def __init__(self, url):
        self.bus = lcm.LCM(url)
        self.replies = []

    def ask(self, channel, data):
        """Publishes, and returns the data of the one reply."""
        self.replies.clear()
        self.bus.publish(channel, data)
        if not self.bus.handle_timeout(TIMEOUT_MS):
            sys.exit(f"no reply to {channel}")
        if len(self.replies) != 1:
            sys.exit(f"{len(self.replies)} replies to {channel}")
        return self.replies[0]

    def listen(self, channel):
        return self.bus.subscribe(channel, lambda _, data: self.replies.append(data))

    def echo(self):
        subscription = self.listen("TEST_ECHO_REPLY")
        for number in range(100):
            data = random.randbytes(random.randint(10, 10000))
            if self.ask("TEST_ECHO", data) != data:
                sys.exit(f"echo {number} differs")
        self.bus.unsubscribe(subscription)

    def converse(self, name, kind, rounds, make):
        subscription = self.listen(f"test_{name}_reply")
        for number in range(rounds):
            reply = kind.decode(self.ask(f"test_{name}", make(number).encode()))
            if members(reply) != members(make(number + 1)):
                sys.exit(f"reply {number} of {name} differs")
        self.bus.unsubscribe(subscription)


if __name__ == "__main__":
    CLIENT = Client(sys.argv[1])
    CLIENT.echo()
    for KIND in KINDS:
        CLIENT.converse(*KIND)
    print("passed")
