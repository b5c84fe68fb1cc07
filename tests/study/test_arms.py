"""Groups become arms of this machine: words resolved, duplicates merged, gaps said."""

import pytest

from llamawatt.core.errors import SpecError
from llamawatt.study.arms import Abilities, expand
from llamawatt.study.load import load_study
from llamawatt.study.spec import Device, GroupSpec

BOTH = Abilities(n_cores=8, gpu="CUDA0: A GPU")
ATTACHED = Abilities(n_cores=8, attached=True)
NO_GPU = Abilities(n_cores=2, no_gpu_reason="there is no GPU")


def arms_of(group: GroupSpec, abilities: Abilities = BOTH, n_layers: int | None = 22):
    return expand((group,), "m", n_layers, abilities)


def test_layers_of_the_paper_are_those_of_the_model() -> None:
    group = next(g for g in load_study("paper").groups if g.name == "layers")
    arms, _ = arms_of(group)
    assert [arm.spec.n_gpu_layers for arm in arms] == [0, 11, 22, 23]
    assert [arm.record.device for arm in arms] == ["hybrid", "hybrid", "hybrid", "gpu"]


def test_a_cpu_arm_opens_no_gpu() -> None:
    arms, _ = arms_of(GroupSpec(name="g", devices=(Device.CPU,)))
    assert arms[0].spec.device == "none"
    assert arms[0].spec.n_gpu_layers == 0


def test_threads_are_clipped_to_the_cores_merged_and_said() -> None:
    group = GroupSpec(name="threads", grid={"n_threads": (1, 4, 8)})
    arms, notes = arms_of(group, NO_GPU)
    assert [arm.spec.n_threads for arm in arms] == [1, 2]
    assert len(notes) == 2
    assert "n_threads=8 clipped to this machine's 2 cores" in notes[1]


def test_arms_that_cannot_run_are_listed_with_the_reason() -> None:
    arms, _ = arms_of(GroupSpec(name="g", devices=(Device.CPU, Device.GPU)), NO_GPU)
    assert [arm.record.skipped for arm in arms] == ["", "there is no GPU"]


def test_a_cpu_arm_is_skipped_where_layers_are_offloaded() -> None:
    group = GroupSpec(name="g", devices=(Device.CPU, Device.GPU), set={"n_gpu_layers": 11})
    arms, _ = arms_of(group)
    assert [arm.record.skipped for arm in arms] == ["a CPU arm cannot offload layers", ""]
    assert arms[1].spec.n_gpu_layers == 11


def test_best_is_the_gpu_where_there_is_one() -> None:
    group = GroupSpec(name="g", devices=(Device.BEST,))
    assert arms_of(group, BOTH)[0][0].record.device == "gpu"
    assert arms_of(group, NO_GPU)[0][0].record.device == "cpu"


def test_equal_arms_of_two_groups_are_one_arm_in_both() -> None:
    groups = (
        GroupSpec(name="baseline", devices=(Device.GPU,)),
        GroupSpec(
            name="layers",
            devices=(Device.GPU,),
            grid={"n_gpu_layers": (0, "all+output")},
            suites=("short_dialogue",),
        ),
    )
    arms, _ = expand(groups, "m", 22, BOTH)
    assert [arm.name for arm in arms] == ["gpu", "gpu n_gpu_layers=0"]
    assert arms[0].record.also_in == ("layers",)
    assert arms[0].record.factors["n_gpu_layers"] == 23
    assert arms[0].suites == ()


@pytest.mark.parametrize("name", ["layers", "paper"])
def test_layers_are_held_against_a_true_cpu_end(name: str) -> None:
    arms, _ = expand(load_study(name).groups, "m", 22, BOTH)
    own = [arm for arm in arms if "layers" in {arm.record.group, *arm.record.also_in}]
    ends = [arm for arm in own if arm.record.device == "cpu"]
    assert [arm.spec.device for arm in ends] == ["none"]
    without = {arm.record.device for arm in own if arm.spec.n_gpu_layers == 0}
    assert without == {"cpu", "hybrid"}


def test_many_streams_are_also_served_in_other_ways() -> None:
    arms, _ = expand(load_study("concurrency").groups, "m", 22, BOTH)
    many = [arm for arm in arms if "many_streams" in {arm.record.group, *arm.record.also_in}]
    assert [arm.spec.request_settings() for arm in many] == [
        {},
        {"samplers": ["top_k"], "top_k": 1},
        {"samplers": ["top_k"], "top_k": 1},
    ]
    assert [arm.spec.n_servers for arm in many] == [None, None, 2]
    assert many[2].spec.env == (("OMP_WAIT_POLICY", "PASSIVE"),)
    assert len({arm.name for arm in arms}) == len(arms)


def test_mappings_and_lists_are_settings_and_are_recorded_as_text() -> None:
    group = GroupSpec(
        name="g",
        set={"samplers": ("top_k", "top_p")},
        grid={"env": ({"OMP_WAIT_POLICY": "PASSIVE"}, {"GOMP_SPINCOUNT": 0})},
    )
    arms, _ = arms_of(group)
    assert [arm.record.factors["env"] for arm in arms] == [
        "OMP_WAIT_POLICY=PASSIVE",
        "GOMP_SPINCOUNT=0",
    ]
    assert arms[0].record.spec["samplers"] == "top_k;top_p"


def test_a_running_server_takes_settings_of_a_request() -> None:
    arms, _ = arms_of(GroupSpec(name="g", grid={"top_k": (1, 40)}), ATTACHED, None)
    assert [arm.record.skipped for arm in arms] == ["", ""]
    arms, _ = arms_of(GroupSpec(name="g", set={"env": {"A": "b"}}), ATTACHED, None)
    assert "env cannot be set" in arms[0].record.skipped


def test_a_setting_can_follow_another() -> None:
    group = GroupSpec(name="batch", set={"n_ubatch": "=n_batch"}, grid={"n_batch": (128, 512)})
    arms, _ = arms_of(group)
    assert [arm.spec.n_ubatch for arm in arms] == [128, 512]


def test_what_follows_threads_is_clipped_with_them() -> None:
    group = GroupSpec(name="t", set={"n_threads_batch": "=n_threads"}, grid={"n_threads": (1, 8)})
    arms, _ = arms_of(group, NO_GPU)
    assert [(arm.spec.n_threads, arm.spec.n_threads_batch) for arm in arms] == [(1, 1), (2, 2)]


def test_a_running_server_is_one_arm_of_no_known_device() -> None:
    arms, _ = arms_of(GroupSpec(name="g", devices=(Device.CPU, Device.GPU)), ATTACHED, None)
    assert [(arm.name, arm.record.device) for arm in arms] == [("attached", "")]
    assert arms[0].record.factors == {"device": "attached"}
    assert not arms[0].record.skipped
    assert arms[0].sleeping_after(1) is None


def test_a_running_server_takes_streams_but_no_settings() -> None:
    group = GroupSpec(name="g", grid={"n_parallel": (1, 2)})
    arms, _ = arms_of(group, ATTACHED, None)
    assert [arm.record.skipped for arm in arms] == ["", ""]
    arms, _ = arms_of(GroupSpec(name="g", grid={"n_threads": (1, 2)}), ATTACHED, None)
    assert all("n_threads cannot be set" in arm.record.skipped for arm in arms)


def test_context_grows_with_the_streams() -> None:
    arms, _ = arms_of(GroupSpec(name="c", grid={"n_parallel": (1, 4)}))
    assert [arm.spec.n_ctx for arm in arms] == [2048, 8192]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"grid": {"n_threads": (-1,)}}, "n_threads=-1 does not hold"),
        ({"grid": {"n_thread": (1,)}}, "no setting 'n_thread'"),
        ({"grid": {"n_threads": ("many",)}}, "n_threads='many' does not hold"),
        ({"grid": {"n_gpu_layers": ("most",)}}, "n_gpu_layers='most'"),
        ({"set": {"n_threads": {"a": 1}}}, "n_threads=.* a single value is wanted"),
        ({"set": {"n_threads": ("a",)}}, "n_threads=.* a single value is wanted"),
        ({"grid": {"n_ubatch": ("=n_batch",)}}, "refers to a setting"),
    ],
)
def test_settings_that_do_not_hold_are_named(changes: dict, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        arms_of(GroupSpec(name="g", **changes))


def test_words_need_a_known_layer_count() -> None:
    with pytest.raises(SpecError, match="layer count"):
        arms_of(GroupSpec(name="g", grid={"n_gpu_layers": ("half",)}), BOTH, None)
