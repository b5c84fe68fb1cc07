"""Types of tensors: what they are called, how large they are, and who can run them.

Sizes of ggml's own types are those of its Python package. Of others only the number is known for
certain, so a tensor's size is taken from where the next one begins.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.header import Header, TensorFact

IK, BITNET = "ik_llama.cpp", "BitNet (bitnet.cpp)"
REMOVED = {
    4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
    36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
}  # fmt: skip
"""Numbers that llama.cpp has retired; it repacks plain Q4_0 and IQ4_NL when it loads them."""
OF_BITNET = {36: "I2_S", 37: "I8_S", 38: "TL1", 39: "TL2"}
"""The same numbers as Microsoft's fork gives them."""
DISPUTED = 36
OF_IK = {
    97: "Q8_0_X4", 98: "Q8_1_X4", 99: "Q8_2_X4", 133: "Q6_0", 134: "IQ1_BN", 135: "IQ2_BN",
    136: "Q8_K64", 137: "IQ2_K", 138: "IQ3_K", 139: "IQ4_K", 140: "IQ5_K", 141: "IQ6_K",
    142: "IQ2_TN", 143: "IQ1_TN", 144: "IQ4_KS", 145: "IQ2_KS", 146: "IQ4_KSS", 147: "Q8_K16",
    148: "Q8_K32", 149: "Q8_KR8", 150: "Q8_K128", 151: "Q8_KV", 152: "IQ5_KS", 153: "IQ2_KT",
    154: "IQ3_KT", 155: "IQ4_KT", 156: "IQ3_KS", 157: "IQ2_KL", 158: "IQ1_KT", 202: "Q4_0_R8",
    206: "Q5_0_R4", 208: "Q8_0_R8", 210: "Q2_K_R4", 211: "Q3_K_R4", 212: "Q4_K_R4",
    213: "Q5_K_R4", 214: "Q6_K_R4", 216: "IQ2_XXS_R4", 217: "IQ2_XS_R4", 218: "IQ3_XXS_R4",
    219: "IQ1_S_R4", 220: "IQ4_NL_R4", 221: "IQ3_S_R4", 222: "IQ2_S_R4", 223: "IQ4_XS_R8",
    229: "IQ1_M_R4", 230: "BF16_R16", 233: "Q6_0_R4", 335: "IQ2_BN_R4", 337: "IQ2_K_R4",
    338: "IQ3_K_R4", 339: "IQ4_K_R4", 340: "IQ5_K_R4", 344: "IQ4_KS_R4", 352: "IQ5_KS_R4",
    353: "MXFP4_R8", 397: "Q8_K_R16", 398: "Q8_KV_R8", 399: "Q8_K_R8",
}  # fmt: skip
"""Of the fork ik_llama.cpp (its ggml.h, `enum ggml_type`)."""
KNOWN_NAMES = {kind.name for kind in GGMLQuantizationType} | {
    name for table in (REMOVED, OF_BITNET, OF_IK) for name in table.values()
}


def type_name(type_id: int, *, bitnet: bool = False) -> str:
    """Return the name of a tensor type; `type-99` for one that nobody here knows."""
    found = _foreign(type_id, bitnet=bitnet)
    if found is not None:
        return found[0]
    try:
        return str(GGMLQuantizationType(type_id).name)
    except ValueError:
        return f"type-{type_id}"


def is_of_bitnet(header: Header, architecture: str) -> bool:
    """Tell whether numbers that mean two types mean those of bitnet.cpp.

    By the architecture, or by the size: its I2_S has two bits a weight, the type that had its
    number before has four and a half.
    """
    if architecture.startswith("bitnet"):
        return True
    rooms = _rooms_bytes(header)
    disputed = (tensor for tensor in header.tensors if tensor.type_id == DISPUTED)
    return any(8 * rooms[each.offset_bytes] < 3 * each.n_elements for each in disputed)


def tensor_sizes_bytes(header: Header, *, bitnet: bool = False) -> dict[str, int]:
    """Return the size of every tensor by name.

    Raises:
        ModelError: rows are no whole number of blocks, or tensors lie over each other.
    """
    rooms = _rooms_bytes(header)
    sizes = {}
    for tensor in header.tensors:
        size_bytes = tensor_bytes(tensor, bitnet=bitnet)
        if size_bytes is None:
            size_bytes = rooms[tensor.offset_bytes]
            if size_bytes < 0:
                raise ModelError(
                    f"Tensor {tensor.name} begins behind the end of the file.", "Fetch it again."
                )
        sizes[tensor.name] = size_bytes
    return sizes


def _rooms_bytes(header: Header) -> dict[int, int]:
    """Return the bytes from each tensor's offset to the next one's, or to the end of the file."""
    offsets = sorted({tensor.offset_bytes for tensor in header.tensors})
    ends = pairwise([*offsets, header.file_bytes - header.data_start_bytes])
    return {start: end - start for start, end in ends}


def tensor_bytes(tensor: TensorFact, *, bitnet: bool = False) -> int | None:
    """Return a tensor's size; None where its type's blocks are not known.

    Raises:
        ModelError: its rows are no whole number of blocks.
    """
    if _foreign(tensor.type_id, bitnet=bitnet) is not None:
        return None
    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.type_id)]
    except (ValueError, KeyError):
        return None
    if tensor.shape[0] % block:
        raise ModelError(
            f"Tensor {tensor.name} has rows of {tensor.shape[0]}, no multiple of {block}.",
            "The file is broken; fetch it again.",
        )
    return int(tensor.n_elements // block * block_bytes)


def needs_own_server(header: Header, *, bitnet: bool = False) -> bool:
    """Tell whether the llama.cpp that comes along cannot load a file (forked or removed types)."""
    ids = {tensor.type_id for tensor in header.tensors}
    return any(_foreign(type_id, bitnet=bitnet) is not None for type_id in ids)


def who_runs_it(header: Header, *, bitnet: bool = False) -> Iterator[str]:
    """Yield a sentence for every type of tensor that llama.cpp as it is today does not run."""
    counts: dict[int, int] = {}
    for tensor in header.tensors:
        counts[tensor.type_id] = counts.get(tensor.type_id, 0) + 1
    for type_id, count in counts.items():
        found = _foreign(type_id, bitnet=bitnet)
        tensors = f"{count} tensor{'s are' if count > 1 else ' is'} of type"
        if found is None and type_name(type_id).startswith("type-"):
            yield (
                f"{tensors} {type_id}, which is not known here; sizes are taken from offsets. A "
                "newer llama.cpp may run it: name its llama-server with --server."
            )
        elif found is not None and found[1]:
            yield (
                f"{tensors} {found[0]} ({type_id}), which only {found[1]} runs: name its "
                "llama-server with --server."
            )
        elif found is not None:
            yield (
                f"{tensors} {found[0]} ({type_id}), which llama.cpp has removed: fetch the model "
                "at another type (plain Q4_0 or IQ4_NL are repacked when loaded), or name an older "
                "llama-server with --server."
            )


def _foreign(type_id: int, *, bitnet: bool) -> tuple[str, str] | None:
    """Return the name and the fork of a type that is not llama.cpp's; no fork if removed."""
    tables: tuple[tuple[Mapping[int, str], str], ...] = ((OF_IK, IK), (REMOVED, ""))
    if bitnet:
        tables = ((OF_BITNET, BITNET), *tables)
    return next(((table[type_id], who) for table, who in tables if type_id in table), None)
