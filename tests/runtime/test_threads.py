"""Torch in one thread for a while."""

import threading

import torch

from diffpose_nb.runtime import one_torch_thread


def test_it_leaves_as_many_threads_as_there_were():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with one_torch_thread(), one_torch_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_even_if_two_are_within_it_and_the_second_came_while_there_was_one():
    before = torch.get_num_threads()
    inside, leave, seen = threading.Event(), threading.Event(), []

    def second():
        with one_torch_thread():
            inside.set()
            leave.wait(10)
        seen.append(torch.get_num_threads())

    try:
        torch.set_num_threads(2)
        with one_torch_thread():
            thread = threading.Thread(target=second)
            thread.start()
            assert inside.wait(10)
        leave.set()
        thread.join()
        seen.append(torch.get_num_threads())
        assert seen == [2, 2]
    finally:
        torch.set_num_threads(before)
