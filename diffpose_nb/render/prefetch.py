"""One instruction of the processor for compiled loops: ask for memory now that will be read soon."""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1
"""What LLVM is told: it will be read, it is worth keeping in the cache, and it is no code."""


@intrinsic
def prefetch(typing, array, index):  # no annotations: numba infers types
    """``prefetch(array, index)`` in compiled code: have ``array[index]`` brought into the cache, and do not wait.

    The array has one axis, and the index is an unsigned integer. Nothing happens on a processor that has no such
    instruction.

    Source: the intrinsic ``llvm.prefetch`` of LLVM's language reference.
    """

    def generate(context, builder, signature, arguments):
        place = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = builder.extract_value(place.strides, 0)
        bytes_ = builder.bitcast(place.data, ir.IntType(8).as_pointer())
        address = builder.gep(bytes_, [builder.mul(arguments[1], stride)])
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(function, [address, *map(word, (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate
