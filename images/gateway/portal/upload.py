"""What is written to a DataNode through HDFS's own page.

A DataNode says "100 Continue" to every upload, whether it was asked to or not, and Debian's nginx takes that for the
whole answer. Tornado's client does not. A file passes through in pieces; none of it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

import tornado.httpclient
import tornado.web

from portal.base import Handler

#: Bytes of a file, and of what a DataNode answers to it.
MOST_FILE, MOST_ANSWER = 1 << 40, 100_000
#: Seconds that a DataNode may take to let itself be reached, and that an upload may take.
CONNECT_SECONDS, UPLOAD_SECONDS = 5, 6 * 3600
#: Pieces of 64 KB that wait for a DataNode that is slower than the browser.
PIECES = 4


@tornado.web.stream_request_body
class Upload(Handler):
    """PUT and POST for a DataNode, at the address that nginx says."""

    def prepare(self) -> None:
        upstream = self.request.headers.get("X-Lab-Upstream", "")
        if not upstream or self.request.method not in ("PUT", "POST"):
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        self.request.connection.set_max_body_size(MOST_FILE)
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        headers = {"Content-Type": "application/octet-stream"}
        if length := self.request.headers.get("Content-Length"):
            headers["Content-Length"] = length
        client = tornado.httpclient.AsyncHTTPClient(force_instance=True, defaults={"max_body_size": MOST_ANSWER})
        self.answer = asyncio.ensure_future(
            client.fetch(
                f"http://{upstream}{self.request.uri}", method=self.request.method, headers=headers,
                body_producer=self.send, follow_redirects=False, raise_error=False, decompress_response=False,
                connect_timeout=CONNECT_SECONDS, request_timeout=UPLOAD_SECONDS,
            )
        )  # fmt: skip

    async def send(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Give the DataNode each piece as it comes."""
        async for piece in self.received():
            await write(piece)

    async def received(self) -> AsyncIterator[bytes]:
        while (piece := await self.pieces.get()) is not None:
            yield piece

    async def data_received(self, chunk: bytes) -> None:
        await self.put_piece(chunk)

    async def put_piece(self, piece: bytes | None) -> None:
        """Wait for room, unless the DataNode has answered already: then nobody takes any more."""
        waiting = asyncio.ensure_future(self.pieces.put(piece))
        await asyncio.wait({waiting, self.answer}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def put(self) -> None:
        await self.put_piece(None)
        try:
            answer = await self.answer
        except (tornado.httpclient.HTTPError, OSError) as error:  # it refuses a file before it has come
            raise tornado.web.HTTPError(HTTPStatus.BAD_GATEWAY) from error
        self.set_status(answer.code)
        self.set_header("Content-Type", "application/json")
        self.finish(answer.body or b"")

    post = put

    def on_connection_close(self) -> None:
        self.answer.cancel()  # the browser has given up: so does the DataNode, which keeps no part
