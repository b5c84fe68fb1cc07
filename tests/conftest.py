"""What holds for every test."""

import os
import tempfile

from hypothesis import HealthCheck, settings

# What the user has set is not for the tests.
os.environ["LLAMAWATT_CONFIG"] = tempfile.mkdtemp(prefix="llamawatt-tests-")

# Many small matrices are slower with a thread for each core than with one, and tests share cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Other work on the machine makes any example slow: time is no property of the code under test.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("usual"), max_examples=20_000)
settings.register_profile("fuzz", settings.get_profile("usual"), max_examples=100_000)
settings.load_profile(os.environ.get("LLAMAWATT_TEST_PROFILE", "usual"))
