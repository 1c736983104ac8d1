"""A CT is read by as few workers as possible, and no worker waits while there is work that is worth it."""

from dataclasses import dataclass

from diffpose_nb.study.table.sharing import WORTH, Sharing


@dataclass(frozen=True)
class Job:
    ct: str
    number: int


def jobs(**numbers):
    return [Job(ct, n) for ct, number in numbers.items() for n in range(number)]


def carried_out(sharing, workers):
    """Worker → the CTs that it reads, where all take turns."""
    read = {worker: [] for worker in workers}
    done = 0
    while sharing:
        for worker in workers:
            job = sharing.take(worker)
            if job is not None:
                done += 1
                if read[worker][-1:] != [job.ct]:
                    read[worker].append(job.ct)
    return read, done


def test_each_ct_is_read_once_where_there_are_enough():
    read, done = carried_out(Sharing(jobs(a=5, b=4, c=5, d=4)), ["w", "x"])
    assert sorted(ct for cts in read.values() for ct in cts) == ["a", "b", "c", "d"] and done == 18


def test_the_longest_begins_first():
    assert Sharing(jobs(a=2, b=9, c=3)).take("w").ct == "b"


def test_many_workers_share_one_patient():
    read, done = carried_out(Sharing(jobs(a=400)), list("wxyz"))
    assert all(cts == ["a"] for cts in read.values()) and done == 400


def test_nobody_reads_a_ct_for_a_few_rows():
    sharing = Sharing(jobs(a=WORTH + 1))
    assert sharing.take("w") is not None
    assert sharing.take("x") is None
    sharing.forget("w")
    assert sharing.take("x") is not None, "the worker that had it is gone"


def test_a_row_that_comes_back_is_next():
    sharing = Sharing(jobs(a=2))
    first = sharing.take("w")
    sharing.give_back(first)
    assert sharing.take("w") == first and sharing.take("w").number == 1
    assert sharing.take("w") is None and not sharing
