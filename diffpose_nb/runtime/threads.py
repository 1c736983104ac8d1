"""Many small operations of torch, one after the other, in one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Within it torch works in one thread; compiled loops of this package still use all of them.

    An operation on a small image takes microseconds. To share it with a second thread takes as long, and hundreds of
    times as long if another program is using that thread's core, because the first thread waits. Several threads of
    Python may be within it at once: the number of threads from before the first of them is what each leaves behind.
    """
    import torch

    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_before)
