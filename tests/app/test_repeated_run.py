"""What a run wrote as study.yaml runs again: the same arms, suites, protocol and trials."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from llamawatt.app.assemble import resolve
from llamawatt.app.serving import Serving
from llamawatt.app.sources import find_study_models
from llamawatt.core.errors import ModelError, SpecError
from llamawatt.core.plan import ModelRecord
from llamawatt.runs import schema
from llamawatt.runs.store import STUDY_FILE, read_run
from llamawatt.study.arms import Abilities
from llamawatt.study.load import load_study, parse_study, with_protocol
from llamawatt.study.order import trial_id
from llamawatt.study.plan import Circumstances, ModelSource, Plan
from llamawatt.study.spec import GroupSpec, ProtocolSpec, StudySpec
from tests.house.tree import ROOT
from tests.models.ggufs import write_model
from tests.study.simulated import simulated_plan

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/study.yaml"))
NO_GPU = Abilities(2, no_gpu_reason="there is no GPU")


def look(spec: StudySpec, abilities: Abilities = NO_GPU) -> Plan:
    models = find_study_models(spec, (), Serving(), only_look=True)
    return resolve(spec, models, Circumstances(abilities, (), "embedded", "", "", only_look=True))


def whole() -> ProtocolSpec:
    """A protocol of which no field has its default."""
    return ProtocolSpec(
        window_min_s=1.5, periods_min=7, idle_s=0.5, repeats_min=2, repeats_max=5,
        half_width_target=0.07, primary_metric="edp_js", cool_down_s=0.25, cool_below_c=61.0,
        cool_max_s=17.0, fixed_length=False, n_warm_up=1, n_prompts=3, phases=True,
        n_phase_prompt=99, n_phase_generate=33, runtime_idle=True, budget_s=77.0, n_retries=4,
        n_again=3, settle_max_s=11.0,
    )  # fmt: skip


def tiny(path: Path, n_rows: int) -> Path:
    return write_model(
        path, {"token_embd.weight": ((n_rows, 32), "F16")}, {"llama.block_count": 22}
    )


def written(spec: StudySpec) -> str:
    return schema.to_yaml(simulated_plan(spec).study)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_plans_the_trials_that_it_took(path: Path) -> None:
    run = read_run(path)
    plan = look(load_study(str(path / STUDY_FILE)))
    first = {trial.trial_id for trial in run.trials if trial.block == 0}
    assert {trial_id(0, cell) for cell in plan.cells} == first
    assert plan.study.arms == run.study.arms
    assert plan.study.seed == run.study.seed
    assert plan.study.models == run.study.models
    assert [suite.sha256 for suite in plan.study.suites] == [s.sha256 for s in run.study.suites]


def test_examples_say_what_is_not_here() -> None:
    said = " ".join(look(load_study(str(ROOT / "examples/h100-tinyllama"))).notes)
    assert "tinyllama-1.1b-Q4_0.gguf" in said
    assert "1 of 2 arms cannot run on this machine: there is no GPU." in said


def test_no_field_of_the_protocol_is_lost() -> None:
    defaults = ProtocolSpec().model_dump()
    protocol = whole()
    assert not [k for k, value in protocol.model_dump().items() if value == defaults[k]]
    spec = StudySpec(name="t", seed=3, groups=(GroupSpec(name="baseline"),), protocol=protocol)
    again = parse_study(written(spec), "study.yaml")
    assert again.protocol == protocol
    assert again.seed == 3


def test_groups_with_suites_of_their_own_keep_them() -> None:
    groups = (
        GroupSpec(name="baseline", suites=("pp8+tg4",)),
        GroupSpec(name="threads", grid={"n_threads": (1, 2)}, suites=("tg4", "pp8+tg4")),
    )
    spec = StudySpec(name="t", seed=3, groups=groups)
    before = simulated_plan(spec)
    after = look(parse_study(schema.to_yaml(before.study), "study.yaml"))
    assert after.cells == before.cells
    assert after.study.arms == before.study.arms


def test_a_protocol_may_be_changed_on_the_way() -> None:
    spec = load_study(str(EXAMPLES[0] / STUDY_FILE))
    changed = with_protocol(spec, {"repeats_min": 1}, 9)
    plan = look(changed)
    assert (plan.spec.repeats_min, plan.study.seed) == (1, 9)


def test_what_runs_is_planned_with_a_gpu_only_where_there_is_one(tmp_path: Path) -> None:
    spec = load_study(str(ROOT / "examples/h100-batch"))
    model = {each.name: ModelSource(each, tmp_path) for each in spec.record.models}
    here = Circumstances(NO_GPU, (), "embedded", "", "")
    with pytest.raises(SpecError, match="there is no GPU"):
        resolve(spec, model, here)
    there = replace(here, abilities=Abilities(2, gpu="A GPU"))
    assert len(resolve(spec, model, there).cells) == 3


def test_a_model_that_is_gone_is_named_and_one_that_changed_is_refused(tmp_path: Path) -> None:
    spec = load_study(str(EXAMPLES[0]))
    with pytest.raises(ModelError, match="cannot be read"):
        find_study_models(spec, (), Serving())
    file = tiny(tmp_path / "m.gguf", 1)
    record = replace(spec.record.models[0], source=str(file))
    changed = spec.model_copy(
        update={"record": replace(spec.record, models=(record,)), "models": (str(file),)}
    )
    with pytest.raises(ModelError, match="not the model that the run had"):
        find_study_models(changed, (), Serving())


def test_another_model_takes_the_place_by_hash_and_then_by_order(tmp_path: Path) -> None:
    spec = load_study(str(ROOT / "examples/h100-quantization"))
    files = [str(tiny(tmp_path / f"{name}.gguf", n + 1)) for n, name in enumerate("abcd")]
    models = find_study_models(spec, tuple(files), Serving())
    assert [source.record.name for source in models.values()] == list("abcd")
    plan = resolve(spec, models, Circumstances(NO_GPU, (), "embedded", "", "", only_look=True))
    assert [arm.record.name for arm in plan.arms] == [f"{name} gpu" for name in "abcd"]
    assert {arm.record.factors["model"] for arm in plan.arms} == set("abcd")
    with pytest.raises(SpecError, match="has 4 models"):
        find_study_models(spec, tuple(files[:3]), Serving())


def test_a_typo_in_a_run_s_protocol_is_told_with_its_line() -> None:
    text = written(StudySpec(name="t", seed=3, groups=(GroupSpec(name="baseline"),)))
    broken = text.replace("cool_max_s:", "cool_max:")
    with pytest.raises(SpecError, match=r"study\.yaml:\d+: protocol\.cool_max: .*cool_max_s"):
        parse_study(broken, "study.yaml")


def test_a_run_of_a_running_server_wants_one_again() -> None:
    spec = load_study(str(EXAMPLES[0]))
    record = replace(spec.record, target="attach", models=(ModelRecord("m", "", "", 0),))
    attached = spec.model_copy(update={"record": record})
    with pytest.raises(SpecError, match="asked a running server"):
        find_study_models(attached, (), Serving())


def test_the_plan_of_a_run_is_planned_again_without_change() -> None:
    spec = load_study(str(EXAMPLES[0]))
    once = look(spec)
    twice = look(parse_study(schema.to_yaml(once.study), "study.yaml"))
    assert asdict(twice.study) == asdict(once.study)
