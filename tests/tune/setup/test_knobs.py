"""Only knobs that can matter here, and nothing that cannot fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import ModelError, UsageError
from llamawatt.core.machine import Gpu
from llamawatt.targets.spec import TargetSpec, make_spec
from llamawatt.tune.record import Asked
from llamawatt.tune.search.space import Space
from llamawatt.tune.setup.asking import require_meant, varied
from llamawatt.tune.setup.here import Here, look_around
from llamawatt.tune.setup.knobs import KNOBS, WITHOUT, Choice, Load, knobs_for
from llamawatt.tune.setup.memory import Need, Shape, need, why_too_large
from llamawatt.tune.setup.preparing import fitting
from llamawatt.tune.setup.settings import Bench, name_of
from tests.tune.simulated import GB, MODEL, SHAPE, prepared

LOAD = Load(1, 200, 2048, (SHAPE,))
CPU = Here(4, 8)
CARD = Here(4, 8, gpu_memory_bytes=24 * 10**9)
MOE = Shape(MODEL, 22, 32_000, 2048, 32, n_experts=64)


def names(here=CPU, load=LOAD, choice=Choice()) -> set[str]:  # noqa: B008
    return {knob.name for knob in knobs_for(here, load, choice)}


def test_without_a_gpu_none_of_its_knobs_is_turned():
    assert not names() & {"n_gpu_layers", "n_cpu_moe"}
    assert "n_gpu_layers" in names(CARD)


def test_experts_are_placed_only_where_there_are_some():
    assert "n_cpu_moe" not in names(CARD)
    assert "n_cpu_moe" in names(CARD, Load(1, 200, 2048, (MOE,)))


def test_one_stream_shares_nothing_and_many_do():
    assert not names() & {"n_servers", "kv_unified", "samplers"}
    assert names(load=Load(16, 200, 2048 * 16, (SHAPE,))) >= {"n_servers", "kv_unified", "samplers"}


def test_short_prompts_leave_batches_alone():
    assert "n_batch" not in names()
    assert {"n_batch", "n_ubatch"} <= names(load=Load(1, 8000, 8192, (SHAPE,)))


def test_one_core_has_no_threads_to_choose():
    assert not names(Here(1, 1)) & {"n_threads", "n_threads_batch"}


def test_unlike_cores_may_be_chosen_among():
    hybrid = Here(10, 12, performance_mask="F", efficiency_mask="3F0", n_performance=4)
    knobs = {knob.name: knob for knob in knobs_for(hybrid, LOAD, Choice())}
    assert knobs["cpu_mask"].values == ("", "F", "3F0")
    assert knobs["n_threads"].default == 4


def test_threads_never_exceed_what_may_run_at_once():
    for knob in knobs_for(Here(2, 2), LOAD, Choice()):
        if knob.name.startswith("n_threads"):
            assert max(knob.values) == 2


def test_coarser_caches_compete_only_under_a_bound_on_quality():
    def values(load):
        return next(k for k in knobs_for(CPU, load, Choice()) if k.name == "cache_type").values

    assert "q4_0" not in values(LOAD)
    assert "q4_0" in values(Load(1, 200, 2048, (SHAPE,), kld_bounded=True))


def test_what_the_user_fixes_is_not_turned():
    assert "n_threads" not in names(choice=Choice(fixed={"n_threads": 2}))
    assert "cache_type" not in names(choice=Choice(fixed={"cache_type_k": "q8_0"}))


def test_only_the_named_knobs_are_turned_between_the_named_values():
    only, values = varied(("n_threads=1,3", "flash-attn"))
    knobs = knobs_for(CPU, LOAD, Choice(only=only, values=values))
    assert {knob.name: knob.values for knob in knobs} == {
        "n_threads": (1, 3, 4), "flash_attn": ("auto", "off"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (Choice(only=("n_thread",)), "not a knob"),
        (Choice(only=("n_gpu_layers",)), "does not matter here"),
        (Choice(fixed=dict.fromkeys(KNOBS, 1), only=()), "fixed"),
    ],
)
def test_what_cannot_be_turned_is_refused_in_words(choice, says):
    with pytest.raises(UsageError, match=says):
        knobs_for(CPU, LOAD, choice)


def test_every_knob_says_why_it_may_be_left_out():
    assert set(WITHOUT) == set(KNOBS)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked("speed"), "not an objective"),
        (Asked("cost"), "needs a price"),
        (Asked("energy", budget_s=10), "too small"),
        (Asked("energy", ("vibes>=1",)), "not measured"),
        (Asked("energy", fixed={"n_parallel": 4}), "--streams"),
        (Asked("energy", fixed={"n_thread": 4}), "no setting"),
        (Asked("energy", fixed={"n_threads": 0}), "does not hold"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(asked, says):
    with pytest.raises(Exception, match=says) as caught:
        require_meant(asked)
    assert caught.value.__class__.__module__ == "llamawatt.core.errors"


# memory

specs = st.builds(
    dict,
    n_ctx=st.integers(512, 32_768),
    n_ubatch=st.integers(32, 2048),
    n_gpu_layers=st.integers(0, 23),
    flash_attn=st.sampled_from(["on", "off", "auto"]),
)


def gpu_spec(**settings) -> TargetSpec:
    return make_spec({"n_gpu_layers": 23, "n_ctx": 2048, **settings})


@given(specs)
def test_more_context_never_needs_less(settings):
    small, large = (
        need(SHAPE, make_spec({**settings, "n_ctx": settings["n_ctx"] * k})) for k in (1, 2)
    )
    assert large.cpu_bytes >= small.cpu_bytes
    assert large.gpu_bytes >= small.gpu_bytes


@given(specs)
def test_all_weights_and_the_cache_are_somewhere(settings):
    wanted = need(SHAPE, make_spec(settings))
    assert wanted.total_gb * 1e9 >= MODEL.size_bytes + 20_000 * settings["n_ctx"] * 0.99


def test_a_closed_gpu_needs_none_of_its_memory():
    assert need(SHAPE, make_spec({"device": "none", "n_gpu_layers": 0})).gpu_bytes == 0


def test_a_quantized_cache_and_two_servers_are_counted():
    plain, quantized = (
        gpu_spec(n_ctx=32_768),
        gpu_spec(n_ctx=32_768, cache_type_k="q8_0", cache_type_v="q8_0"),
    )
    assert need(SHAPE, quantized).gpu_bytes < need(SHAPE, plain).gpu_bytes
    two = gpu_spec(n_parallel=2, n_servers=2)
    assert need(SHAPE, two).gpu_bytes > 1.5 * need(SHAPE, gpu_spec(n_parallel=2)).gpu_bytes


def test_experts_on_the_cpu_free_the_gpu():
    whole, moved = (need(MOE, gpu_spec(n_cpu_moe=n)) for n in (0, 22))
    assert moved.gpu_bytes < whole.gpu_bytes
    assert moved.cpu_bytes > whole.cpu_bytes


def test_what_is_too_large_says_where_and_by_how_much():
    assert "GPU" in why_too_large(Need(1, 30 * GB), {"cpu": 64 * GB, "gpu": 24 * GB})
    assert "memory" in why_too_large(Need(80 * GB, 0), {"cpu": 64 * GB})
    assert why_too_large(Need(1, 1), {"cpu": 64 * GB, "gpu": 24 * GB}) == ""


def test_a_default_that_does_not_fit_gives_way_to_the_nearest_that_does():
    large = Shape(MODEL, 22, 32_000, 2048, 32)
    bench = Bench({"m": large}, {"n_ctx": 2048}, {"cpu": 8 * GB, "gpu": 0.8 * GB}, has_gpu=True)
    knobs = knobs_for(CARD, LOAD, Choice(only=("n_gpu_layers", "n_threads")))
    whole = need(large, gpu_spec()).gpu_bytes
    assert whole > 0.8 * GB
    space, bench, notes = fitting(knobs, bench)
    assert not space.refuse(space.default())
    assert space.default()["n_gpu_layers"] < 23
    assert "do not fit" in notes[0]


def test_a_model_that_fits_nowhere_names_the_nearest_miss():
    with pytest.raises(ModelError, match="smallest") as caught:
        prepared(free_gb=0.05)
    assert "GB" in caught.value.what


def test_a_bound_on_memory_is_kept_before_anything_is_launched():
    bench = Bench({"m": SHAPE}, {"n_ctx": 2048}, {"cpu": 8 * GB}, allowed_bytes=0.01 * GB)
    space = Space(prepared().space.knobs)
    assert "allowed" in bench.refuse(space, space.default())


def test_settings_that_contradict_each_other_are_refused():
    knobs = knobs_for(CPU, Load(1, 9000, 8192, (SHAPE,)), Choice())
    space = Space(knobs)
    bench = Bench({"m": SHAPE}, {"n_ctx": 8192}, {"cpu": 8 * GB})
    flash = space.setting({"flash_attn": "off", "cache_type": "q8_0"})
    assert "flash attention" in bench.refuse(space, flash)


def test_defaults_are_left_to_llama_cpp():
    ready = prepared()
    spec = ready.bench.spec(ready.space, ready.space.default())
    assert spec.n_threads is None
    assert spec.env == ()
    assert name_of(ready.space, ready.space.default()) == "default"


def test_a_long_name_is_cut_and_stays_unique():
    knobs = tuple(knobs_for(Here(4, 8), Load(16, 9000, 8192, (SHAPE,)), Choice()))
    space = Space(knobs)
    turned = {k.name: next(v for v in k.values if v != k.default) for k in knobs}
    one = name_of(space, space.setting(turned))
    other = name_of(space, space.setting({k: v for k, v in turned.items() if k != "samplers"}))
    assert len(one) < 140
    assert one != other


def test_the_machine_is_asked(tmp_path):
    cpu = tmp_path / "devices/system/cpu"
    for number in range(4):
        folder = cpu / f"cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "core_cpus_list").write_text(f"{number // 2 * 2}-{number // 2 * 2 + 1}")
        (folder / "physical_package_id").write_text("0")
    (cpu / "online").write_text("0-3")
    group = tmp_path / "fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000000000")
    (group / "memory.current").write_text("400000000")
    usable = frozenset(range(4))
    plain = look_around(
        (), usable_gpu=False, sysfs_root=tmp_path, proc_root=tmp_path, usable=usable
    )
    assert (plain.n_physical, plain.n_logical) == (2, 4)
    assert plain.memory_bytes <= 600_000_000
    (group / "cpu.max").write_text("100000 100000")
    card = Gpu(0, "A GPU", memory_bytes=8 * 10**9)
    few = look_around(
        (card,), usable_gpu=True, sysfs_root=tmp_path, proc_root=tmp_path, usable=usable
    )
    assert (few.n_physical, few.n_logical) == (1, 1)
    assert few.gpu_memory_bytes == 8 * 10**9
