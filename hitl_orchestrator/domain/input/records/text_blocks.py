"""Text from the bytes of a file, block by block: UTF-8 with any line ends."""

import codecs
import io
from collections.abc import Callable, Iterator

from hitl_orchestrator.errors import InvalidInput

BLOCK = 2**20


def text_blocks(read: Callable[[int], bytes], where: str) -> Iterator[str]:
    """Yield the text of what `read` gives, without a byte order mark, and with line feeds alone.

    Raises:
        InvalidInput: it is not UTF-8.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    before = 0
    while True:
        block = read(BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as exc:
            place = before - (len(exc.object) - len(block)) + exc.start
            remedy = "send" if where == "standard input" else "save"
            raise InvalidInput([f"{where}: not UTF-8 text (byte {place}); {remedy} it as UTF-8"]) from exc
        before += len(block)
        yield text
        if not block:
            return
