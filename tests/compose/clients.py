"""Clients that use the service while tests/compose.sh replaces its container, routed as by a load balancer.

usage: clients.py TOKENS_FILE STOP_FILE ADDRESS...

/readyz of every address is polled five times a second. Requests go in turn to the addresses that responded 200, on kept
connections. Each client creates a patient at one address and reads it at the next. There are no retries: any unexpected
response and any broken connection is a failure. Ends when STOP_FILE appears, with 1 if a request failed.
"""

import collections
import http.client
import itertools
import json
import pathlib
import sys
import threading
import time

tokens = pathlib.Path(sys.argv[1]).read_text().split()
stop_file = pathlib.Path(sys.argv[2])
addresses = sys.argv[3:]
# The ready addresses, with a new number each time an address becomes ready.
ready = {}
numbers = itertools.count()
served = collections.Counter()
failures = []
# Below the service's rate limits, for 8 clients of 4 principals.
PAUSE = 0.12
SECONDS = 300
end = time.monotonic() + SECONDS


def running():
    return not stop_file.exists() and time.monotonic() < end


def connect(address, timeout):
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=timeout)


def watch(address):
    while running():
        try:
            connection = connect(address, 5)
            connection.request("GET", "/readyz")
            status = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
        if status == 200 and address not in ready:
            ready[address] = next(numbers)
            print("ready", address, flush=True)
        elif status != 200 and ready.pop(address, None) is not None:
            print("not ready", address, status, flush=True)
        time.sleep(0.2)


class Client(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.token = tokens[number % len(tokens)]
        self.turn = number
        self.connections = {}

    def send(self, method, path, expected, body=None):
        among = list(ready.items())
        if not among:
            raise RuntimeError("no address is ready")
        self.turn += 1
        key = among[self.turn % len(among)]
        # A connection from before an outage of the address is not reused.
        connection = self.connections.setdefault(key, connect(key[0], 30))
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != expected:
            raise RuntimeError(f"{method} answered {response.status} at {key[0]}")
        served[key[0]] += 1
        return response.getheader("location"), content

    def run(self):
        while running():
            try:
                path, _ = self.send("POST", "/v1/patients", 201, {"name": "Ida Example"})
                _, content = self.send("GET", path, 200)
                if json.loads(content)["id"] != path.rsplit("/", 1)[1]:
                    raise RuntimeError(f"{path} is another patient")
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                failures.append(f"{type(error).__name__}: {error}")
                print("failed", failures[-1], flush=True)
                self.connections.clear()
            time.sleep(PAUSE)


watchers = [threading.Thread(target=watch, args=[address]) for address in addresses]
for watcher in watchers:
    watcher.start()
while not ready and running():
    time.sleep(0.05)
clients = [Client(number) for number in range(8)]
for thread in clients:
    thread.start()
for thread in clients + watchers:
    thread.join()
shares = ", ".join(f"{served[address]} at {address}" for address in addresses)
print(f"clients: {sum(served.values())} requests served ({shares}), {len(failures)} failed")
sys.exit(bool(failures) or not all(served[address] for address in addresses) or not stop_file.exists())
