# SPDX-License-Identifier: AGPL-3.0-or-later
"""proxy: a bad connection. It carries bytes between whoever dials and a
target, and does to them what a schedule says.

    with Proxy() as proxy:
        route = proxy.route(("10.77.0.110", 7001), ("10.77.0.10", 7001))
        route.delay_s = 0.05            # each way
        route.piece_size = 7            # written in pieces of 1 to 7 bytes
        route.bytes_a_second = 10_000
        route.stall("up")               # holds back; nothing is lost
        route.swallow("down")           # lost from now on, until a cut
        route.cut_after("up", 100)      # 100 bytes more, then the cut
        route.cut("reset"); route.half_close("up"); route.refuse()
        route.heal()

"up" is from who dialled to the target, "down" the way back. What a route does
holds for all of its connections, and for those to come until heal(); a cut is
for those that are. One thread of the proxy's own does the work; every method
may be called from any thread, and has been heeded when it returns.

A stream of TLS allows no byte to be lost, doubled or changed: each of these
is a cut to its ends. So nothing here doubles bytes. Messages are doubled by
the ends themselves: swallow("down"), some bytes up and a cut make a message
that was delivered and whose answer was lost (lose_answers()), which the
sender then sends again.
"""

import asyncio
import random
import socket
import struct
import threading
import time

CHUNK_SIZE = 65536
QUEUE_CHUNKS_MAX = 64
TICK_S = 0.02
DEADLINE_S = 10
WAYS = ("up", "down")


class Flow:
    """One direction of one connection."""

    def __init__(self, route, way, source, target):
        self.route, self.way = route, way
        self.source, self.target = source, target
        self.left = None  # bytes until the cut
        self.ended = False
        self.queue = asyncio.Queue(QUEUE_CHUNKS_MAX)

    async def read(self):
        """Bytes, each with the time at which it may go on; b"" is the end."""
        while True:
            try:
                data = await self.source[0].read(CHUNK_SIZE)
            except OSError:
                data = b""
            due = time.monotonic() + self.route.delay_s
            await self.queue.put((due, data))
            if not data:
                return

    async def write(self):
        """Until the end was passed on; an OSError is the end of both ways."""
        writer = self.target[1]
        while not self.ended:
            due, data = await self.queue.get()
            await self._wait(due)
            if self.ended:
                break
            if not data:
                if self.way not in self.route.swallowed:
                    self.finish()
                break
            for piece in self._pieces(data):
                await self._pass(writer, piece)

    async def _wait(self, due):
        while self.way in self.route.stalled or time.monotonic() < due:
            rest = due - time.monotonic()
            await asyncio.sleep(min(rest, TICK_S) if rest > 0 else TICK_S)

    def _pieces(self, data):
        while data:
            size = len(data)
            if self.route.piece_size:
                size = self.route.chance.randint(1, self.route.piece_size)
            if self.route.bytes_a_second:
                size = min(size, max(1, int(self.route.bytes_a_second
                                            * TICK_S)))
            yield data[:size]
            data = data[size:]

    async def _pass(self, writer, piece):
        await self._wait(0)
        if self.way in self.route.swallowed or self.ended:
            return
        if self.left is not None:
            piece = piece[:self.left]
            self.left -= len(piece)
        writer.write(piece)
        await writer.drain()
        self.route.passed[self.way] += len(piece)
        if self.left == 0:
            raise ConnectionAbortedError("as ordered")
        if self.route.bytes_a_second:
            await asyncio.sleep(len(piece) / self.route.bytes_a_second)
        elif self.route.piece_size:
            await asyncio.sleep(0)

    def finish(self):
        """The target reads the end; the other way goes on."""
        self.ended = True
        if self.target[1].can_write_eof() and not self.target[1].is_closing():
            self.target[1].write_eof()


class Connection:
    def __init__(self, route, dialler, target):
        self.ends = (dialler, target)
        self.flows = {"up": Flow(route, "up", dialler, target),
                      "down": Flow(route, "down", target, dialler)}
        self.tasks = []

    async def carry(self):
        readers = [asyncio.ensure_future(flow.read())
                   for flow in self.flows.values()]
        writers = [asyncio.ensure_future(flow.write())
                   for flow in self.flows.values()]
        self.tasks = readers + writers
        try:
            await asyncio.gather(*writers)
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or was cut: so is the other
        finally:
            self.cut("end")
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def cut(self, how):
        for _, writer in self.ends:
            if how == "reset":
                end = writer.get_extra_info("socket")
                # One that was closed a moment ago has no options any more.
                if end.fileno() >= 0:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()
        for task in self.tasks:
            task.cancel()


class Route:
    """From one listening address to one target, and its faults."""

    def __init__(self, proxy, target, source, seed):
        self.proxy, self.target, self.source = proxy, target, source
        self.chance = random.Random(seed)
        self.address, self.listener = None, None
        self.connections = set()
        self.passed = {"up": 0, "down": 0}
        self.accepted = 0
        self._calm()

    def _calm(self):
        self.delay_s = 0
        self.piece_size = 0  # 0: as they come
        self.bytes_a_second = 0  # 0: as fast as it goes
        self.stalled, self.swallowed = set(), set()
        self.refusing = False

    async def listen(self, address):
        made = socket.create_server(address, backlog=64)
        self.listener = await asyncio.start_server(self._accept, sock=made)
        self.address = made.getsockname()[:2]

    def _source_for(self, dialler):
        if callable(self.source):
            return self.source(dialler.get_extra_info("peername")[0])
        return self.source

    async def _accept(self, reader, writer):
        self.accepted += 1
        source = self._source_for(writer)
        try:
            if self.refusing:
                raise ConnectionRefusedError("as ordered")
            target = await asyncio.wait_for(asyncio.open_connection(
                *self.target, local_addr=source and (source, 0)), DEADLINE_S)
        except (OSError, asyncio.TimeoutError):
            writer.transport.abort()
            return
        for one in (writer, target[1]):
            one.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, (reader, writer), target)
        self.connections.add(connection)
        try:
            await connection.carry()
        finally:
            self.connections.discard(connection)

    # ---- what is done to them; each way is "up" or "down"

    def stall(self, way):
        self.stalled = self.stalled | {way}

    def resume(self, way):
        self.stalled = self.stalled - {way}

    def swallow(self, way):
        self.swallowed = self.swallowed | {way}

    def refuse(self):
        """Who dials anew finds nobody."""
        self.refusing = True

    def cut(self, how="end"):
        """End every connection there is: "end" in order, or "reset"."""
        self.proxy.call(lambda: [connection.cut(how)
                                 for connection in list(self.connections)])

    def cut_after(self, way, count):
        """Pass `count` more bytes that way, and end the connection."""
        def order():
            for connection in self.connections:
                connection.flows[way].left = count
        self.proxy.call(order)

    def half_close(self, way):
        """The receiver reads an end; the other way goes on."""
        self.proxy.call(lambda: [connection.flows[way].finish()
                                 for connection in list(self.connections)])

    def lose_answers(self, count):
        """Pass `count` more bytes up, none down, and end the connection: what
        was asked is done, and who asked does not know."""
        self.swallow("down")
        self.cut_after("up", count)

    def heal(self):
        """No fault any more. Where bytes were swallowed the stream has a
        hole, so that those connections end."""
        spoilt = bool(self.swallowed)
        self._calm()
        if spoilt:
            self.cut()


class Proxy:
    """Routes, and the thread that serves them."""

    def __init__(self, seed=0):
        self.seed, self.routes = seed, []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.close()

    def call(self, function):
        """function() in the proxy's thread."""
        async def run():
            return function()
        return self.wait(run())

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self.loop).result(DEADLINE_S)

    def route(self, listen, target, source=None):
        """Listen at `listen` (host, port; 0 is any), dial `target` for each
        connection, from the address `source`, or source(dialler's host)."""
        made = Route(self, target, source, f"{self.seed} {len(self.routes)}")
        self.wait(made.listen(listen))
        self.routes.append(made)
        return made

    def heal(self):
        for route in self.routes:
            route.heal()

    def close(self):
        async def end():
            for route in self.routes:
                route.listener.close()
                for connection in list(route.connections):
                    connection.cut("reset")
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(TICK_S)  # for the last callbacks of sockets
        self.wait(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE_S)
        self.loop.close()


# What strike() chooses from: name -> what it does to a route.
def _slow(route, chance):
    route.delay_s = chance.uniform(0.001, 0.2)


def _narrow(route, chance):
    route.bytes_a_second = chance.choice((2_000, 20_000, 200_000))


def _crumble(route, chance):
    route.piece_size = chance.choice((1, 9, 100))


def _stall(route, chance):
    route.stall(chance.choice(WAYS))


def _swallow(route, chance):
    route.swallow(chance.choice(WAYS))


def _cut(route, chance):
    route.cut(chance.choice(("end", "reset")))


def _cut_within(route, chance):
    route.cut_after(chance.choice(WAYS), chance.randint(1, 2000))


def _lose_answers(route, chance):
    route.lose_answers(chance.randint(1, 2000))


def _half_close(route, chance):
    route.half_close(chance.choice(WAYS))


def _refuse(route, _chance):
    route.refuse()
    route.cut()


FAULTS = {"slow": _slow, "narrow": _narrow, "crumble": _crumble,
          "stall": _stall, "swallow": _swallow, "cut": _cut,
          "cut within": _cut_within, "lose answers": _lose_answers,
          "half close": _half_close, "refuse": _refuse}


def strike(route, chance):
    """One fault, chosen by `chance` (a random.Random); its name."""
    name = chance.choice(sorted(FAULTS))
    FAULTS[name](route, chance)
    return name
