"""Whether two records are of the same machine: by its GPUs' uuids, its processor and its own id."""

from collections.abc import Iterable

from llamawatt.core.machine import Gpu, MachineRecord


def distinctions(a: MachineRecord, b: MachineRecord) -> tuple[str, ...]:
    """Return in what two machines are certainly not the same, in words; empty when in nothing.

    A name of a host is no proof: images of virtual machines carry theirs along.
    """
    return tuple(_distinctions(a, b))


def doubts(a: MachineRecord, b: MachineRecord) -> tuple[str, ...]:
    """Return what keeps two records without any difference from being certainly of one machine."""
    gpus = range(max(len(a.gpus), len(b.gpus)))
    unnamed = [i for i in gpus if not (_uuid(a.gpus, i) and _uuid(b.gpus, i))]
    return tuple(f"GPU {i} has no uuid in at least one record" for i in unnamed)


def is_same_machine(a: MachineRecord, b: MachineRecord) -> bool:
    """Whether two records are certainly of the same machine with the same cards."""
    return not distinctions(a, b) and not doubts(a, b)


def _distinctions(a: MachineRecord, b: MachineRecord) -> Iterable[str]:
    if a.cpu != b.cpu:
        yield f"CPU {a.cpu or 'unknown'} before, {b.cpu or 'unknown'} after"
    if a.machine_id and b.machine_id and a.machine_id != b.machine_id:
        yield f"machine {a.machine_id} before, {b.machine_id} after"
    elif a.hostname_hash != b.hostname_hash:
        yield f"host {a.hostname_hash} before, {b.hostname_hash} after"
    for i in range(max(len(a.gpus), len(b.gpus))):
        old, new = (_named(gpus, i) for gpus in (a.gpus, b.gpus))
        uuids = _uuid(a.gpus, i), _uuid(b.gpus, i)
        if old != new:
            yield f"GPU {i} {old} before, {new} after"
        elif all(uuids) and uuids[0] != uuids[1]:
            yield f"GPU {i} ({old}) is another card: {uuids[0]} before, {uuids[1]} after"


def _named(gpus: tuple[Gpu, ...], index: int) -> str:
    return gpus[index].name if index < len(gpus) else "none"


def _uuid(gpus: tuple[Gpu, ...], index: int) -> str:
    return gpus[index].uuid if index < len(gpus) else ""
