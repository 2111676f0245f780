"""A client of the Model Context Protocol that talks to the page, as a language model's would."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


def over_mcp(url: str, talk: Callable[[ClientSession], Awaitable], **headers: str):
    """What `talk` has heard over HTTP."""

    async def main():
        async with (
            streamablehttp_client(f"{url}/gradio_api/mcp/", headers=headers) as (reads, writes, _),
            ClientSession(reads, writes) as session,
        ):
            await session.initialize()
            return await talk(session)

    with ThreadPoolExecutor(1) as beside:  # Playwright's loop may be at work in this one
        return beside.submit(lambda: asyncio.run(main())).result()
