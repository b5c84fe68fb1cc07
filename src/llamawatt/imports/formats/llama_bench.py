"""What `llama-bench -o json` or `jsonl` writes: speeds, and no energy."""

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.json_documents import begins_as_json, documents, number_at
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog, Throughput, united
from llamawatt.imports.text_file import TextFile

TOOL = "llama-bench"
NOTE = (
    "llama-bench records no energy. `llamawatt exec -- llama-bench …` meters it, and "
    "`llamawatt bench` measures joules per token."
)


def _recognise(file: TextFile) -> bool:
    head = "\n".join(file.lines[:400])
    return begins_as_json(file) and '"avg_ts"' in head and '"n_gen"' in head


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut("test")
    tests: list[dict[str, object]] = []
    for document in documents(file, left_out):
        members = document if isinstance(document, list) else [document]
        tests += [test for test in members if isinstance(test, dict)]
    speeds = []
    for number, test in enumerate(tests, start=1):
        found = _throughput(test)
        if found is None:
            left_out.add(number, "no speed above zero")
        else:
            speeds.append(found)
    if not speeds:
        raise UsageError(f"{file.path} has no test with a speed.", "Use llama-bench -o json.")
    began = next((at for test in tests if (at := moment_of(str(test.get("test_time", ""))))), None)
    return ImportedLog(
        source=file.path.name,
        tool=TOOL,
        started_at=began,
        series=(),
        flags=united([Flag.NO_ENERGY, *left_out.flags]),
        notes=(NOTE, *left_out.notes),
        speeds=tuple(speeds),
    )


def _throughput(test: dict[str, object]) -> Throughput | None:
    tok_per_s = number_at(test, "avg_ts")
    n_prompt = int(number_at(test, "n_prompt") or 0)
    n_gen = int(number_at(test, "n_gen") or 0)
    if tok_per_s is None or tok_per_s <= 0 or n_prompt + n_gen <= 0:
        return None
    parts = ((f"pp{n_prompt}" if n_prompt else ""), (f"tg{n_gen}" if n_gen else ""))
    depth = int(number_at(test, "n_depth") or 0)
    name = "+".join(part for part in parts if part) + (f" @ d{depth}" if depth else "")
    model = str(test.get("model_type") or test.get("model_filename") or "")
    return Throughput(name, tok_per_s, number_at(test, "stddev_ts"), model)


FORMAT = Format("llama-bench", "JSON of llama-bench (speeds, no energy)", _recognise, _read)
