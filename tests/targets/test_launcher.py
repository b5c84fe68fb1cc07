"""A server is started, found healthy, and gone afterwards, whatever it does."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import TargetError, UsageError
from llamawatt.targets import launcher
from llamawatt.targets.access import Access
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.base import Endpoint
from llamawatt.targets.client import Client
from llamawatt.targets.devices import gpu_devices, parse_devices
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import Program, ServerProcess, binary_program, free_port
from llamawatt.targets.several import ServerGroup, client_of, target_of
from llamawatt.targets.spec import TargetSpec, make_spec
from llamawatt.testing.target_contract import assert_target_contract
from tests.targets.fakes import FAKE, program, running, server


def wait_gone(pid: int) -> bool:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


def test_a_started_server_keeps_the_contract() -> None:
    assert_target_contract(lambda: server(n_parallel=2))


def test_an_attached_server_keeps_the_contract() -> None:
    with running() as url:
        assert_target_contract(lambda: AttachedServer(url))
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200


def test_a_contract_is_broken_by_a_server_that_stays() -> None:
    with running() as url:

        class Stays:
            def start(self) -> Endpoint:
                return Endpoint(url, pid=os.getpid())

            def stop(self) -> None:
                pass

        with pytest.raises(AssertionError, match="still answers"):
            assert_target_contract(Stays)


def test_the_endpoint_names_the_server_itself() -> None:
    target = server()
    endpoint = target.start()
    assert endpoint.pid is not None
    assert "llamawatt.testing.fake_server" in psutil.Process(endpoint.pid).cmdline()
    assert endpoint.build == "fake-1"
    assert os.getpgid(endpoint.pid) != os.getpgid(0)
    target.stop()
    assert wait_gone(endpoint.pid)


def test_a_server_that_ends_while_starting_is_quoted() -> None:
    target = server("--fault", "exit-early")
    with pytest.raises(TargetError, match="exit code 1 while starting") as caught:
        target.start()
    assert "wrote last:\n    error loading model: failed to load model" in str(caught.value)


def test_a_server_that_never_gets_healthy_is_given_up() -> None:
    target = server("--fault", "never-healthy", start_timeout_s=1.5)
    with pytest.raises(TargetError, match=r"was not healthy within 2 s \(model fake.gguf\)"):
        target.start()
    assert not psutil.Process().children()


def test_an_unknown_flag_is_explained() -> None:
    target = server(extra=("--no-such-flag",))
    with pytest.raises(TargetError, match="does not know one of the flags"):
        target.start()


NO_SAMPLING = textwrap.dedent("""
    import sys
    if "--backend-sampling" in sys.argv:
        sys.exit("error: invalid argument: --backend-sampling")
""")


def test_a_build_without_a_flag_is_told_which_setting_it_lacks() -> None:
    old = Program((sys.executable, "-c", NO_SAMPLING), "old-llama-server", "binary")
    target = ServerProcess(old, Path("m.gguf"), TargetSpec(backend_sampling=True))
    with pytest.raises(TargetError, match=r"--backend-sampling \(the setting backend_sampling\)"):
        target.start()


def test_a_server_has_a_key_that_no_other_user_can_read() -> None:
    target = server()
    endpoint = target.start()
    process = psutil.Process(endpoint.pid)
    assert len(endpoint.access.api_key) > 30
    assert endpoint.access.api_key not in " ".join(process.cmdline()) + repr(endpoint)
    assert process.environ()["LLAMA_API_KEY"] == endpoint.access.api_key
    with Client(endpoint) as client, Client(replace(endpoint, access=Access("guess"))) as stranger:
        assert client.run([Ask("a", (1,), 2)])[0].n_generated == 2
        with pytest.raises(TargetError, match="401"):
            stranger.run([Ask("a", (1,), 2)])
    target.stop()


@pytest.mark.parametrize("device", ["none", None])
def test_a_server_without_a_gpu_is_shown_none(
    device: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("LLAMA_ARG_THREADS", "7")
    target = server(device=device, env={"OMP_WAIT_POLICY": "PASSIVE"})
    variables = psutil.Process(target.start().pid).environ()
    target.stop()
    assert variables["CUDA_VISIBLE_DEVICES"] == ("" if device == "none" else "0")
    assert variables["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "LLAMA_ARG_THREADS" not in variables


def test_servers_that_share_the_load_answer_in_order_and_evenly() -> None:
    spec = make_spec({"n_parallel": 4, "n_servers": 2, "n_ctx": 400})
    target = target_of(program(), Path("fake.gguf"), spec, SystemClock())
    endpoint = target.start()
    pids = [endpoint.pid, *(partner.pid for partner in endpoint.partners)]
    assert len(set(pids)) == 2
    asks = [Ask(str(number), (1,) * (number + 1), 3) for number in range(9)]
    with client_of(endpoint, spec, 0, SystemClock()) as client:
        records = client.run(asks, n_parallel=4, fixed_length=True)
    target.stop()
    assert [record.prompt_id for record in records] == [ask.prompt_id for ask in asks]
    assert [record.n_prompt for record in records] == list(range(1, 10))
    assert all(wait_gone(pid) for pid in pids if pid)


def test_when_one_of_them_does_not_start_none_is_left() -> None:
    good, bad = server(), server("--fault", "exit-early")
    with pytest.raises(TargetError, match="exit code 1"):
        ServerGroup((good, bad)).start()
    assert not psutil.Process().children()


def test_when_one_of_them_crashes_the_others_are_hung_up_on() -> None:
    group = ServerGroup((server("--decode-tok-per-s", "1"), server("--fault", "crash-midway")))
    endpoint = group.start()
    began_s = time.monotonic()
    spec = make_spec({"n_parallel": 2, "n_servers": 2})
    with (
        client_of(endpoint, spec, 0, SystemClock()) as client,
        pytest.raises(TargetError, match="broke off"),
    ):
        client.run([Ask("a", (1,), 300), Ask("b", (1,), 9)], n_parallel=2, fixed_length=True)
    group.stop()
    assert time.monotonic() - began_s < 200  # the other would have answered after 300 s


def test_a_taken_port_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as url:
        taken = int(url.rsplit(":", 1)[1])
        ports = iter([taken, free_port()])
        monkeypatch.setattr(launcher, "free_port", lambda: next(ports))
        target = server()
        assert target.start().url != url
        target.stop()


def test_ports_that_stay_taken_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as url:
        monkeypatch.setattr(launcher, "free_port", lambda: int(url.rsplit(":", 1)[1]))
        with pytest.raises(TargetError, match="port is taken by another program"):
            server().start()


def test_a_server_that_does_not_listen_to_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launcher, "STOP_S", 0.3)
    target = server("--fault", "ignore-sigterm")
    pid = target.start().pid
    assert pid is not None
    target.stop()
    assert not psutil.pid_exists(pid)


def test_a_crash_in_the_work_is_told_with_its_last_words() -> None:
    target = server("--fault", "crash-midway")
    endpoint = target.start()
    with Client(endpoint) as client, pytest.raises(TargetError, match="broke off") as caught:
        client.run([Ask("a", (1, 2), 50)])
    assert "ended with exit code 134" in str(caught.value)
    assert "GGML_ASSERT failed" in str(caught.value)
    target.stop()


def test_a_program_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "llama-server"
    with pytest.raises(UsageError, match="llama-server is not there"):
        binary_program(path)
    path.write_text("")
    with pytest.raises(UsageError, match="llama-server may not be run"):
        binary_program(path)


def test_a_program_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "llama-server"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    target = ServerProcess(binary_program(path), Path("m.gguf"), TargetSpec())
    with pytest.raises(TargetError, match="exit code 127"):
        target.start()
    with pytest.raises(TargetError, match="does not run"):
        gpu_devices(binary_program(path))


@pytest.mark.parametrize("gpu", ["", "CUDA0: Some GPU (81000 MiB, 80000 MiB free)"])
def test_the_devices_of_a_build_are_listed(gpu: str) -> None:
    found = gpu_devices(program("--gpu", gpu))
    assert found == (("CUDA0: Some GPU",) if gpu else ())


def test_devices_are_parsed_as_llama_server_prints_them() -> None:
    text = "Available devices:\n  CUDA0: NVIDIA X (1 MiB, 1 MiB free)\n  Vulkan1: Y\nother: no\n"
    assert parse_devices(text) == ("CUDA0: NVIDIA X", "Vulkan1: Y")


def test_a_server_outlives_the_thread_that_started_it() -> None:
    target = server()
    endpoints: list[Endpoint] = []
    thread = threading.Thread(target=lambda: endpoints.append(target.start()))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert not endpoints[0].last_words()
    with Client(endpoints[0]) as client:
        assert client.run([Ask("a", (1,), 2)])[0].n_generated == 2
    target.stop()


STARTS_AND_WAITS = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from llamawatt.targets.launcher import Program, ServerProcess
    from llamawatt.targets.spec import TargetSpec
    target = ServerProcess(Program(tuple(sys.argv[1:]), "fake", "binary"), Path("m"), TargetSpec())
    print(target.start().pid, flush=True)
    time.sleep(600)
""")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's own way is Linux's")
def test_a_server_dies_with_a_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_AND_WAITS, *FAKE], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_gone(pid)


WATCHES = textwrap.dedent("""
    import os, subprocess, sys
    watch = "import sys; from llamawatt.targets.guard import watch_over as w;"
    watch += "w(int(sys.argv[1]), sys.argv[2:])"
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    command = [sys.executable, "-c", watch, str(os.getpid()), sys.executable, "-c", child]
    subprocess.run(command)
""")


def test_a_watched_server_dies_with_a_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WATCHES], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_gone(pid)


def test_a_guard_whose_parent_is_gone_already_starts_nothing() -> None:
    command = [sys.executable, "-m", "llamawatt.targets.guard", "1", "--", "echo", "started"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if sys.platform.startswith("linux"):
        assert done.returncode != 0
        assert not done.stdout
