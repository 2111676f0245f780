"""A client of the Model Context Protocol that talks to the page, as a language model's would."""

import asyncio
from collections.abc import Awaitable, Callable

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

    return asyncio.run(main())
