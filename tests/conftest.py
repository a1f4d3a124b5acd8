"""Strict JAX settings, two pretend CPU devices, and where the shared test data is."""

import os
import pathlib

# Before the first import of JAX: pmap is tested on two pretend devices.
os.environ["XLA_FLAGS"] = (
  os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
).strip()

import hypothesis
import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# A busy machine is no fault of the code: time decides no test.
hypothesis.settings.register_profile(
  "emojax",
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("emojax")


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(tmp_path_factory):
  """Tests that build the same program twice compile it once."""
  folder = str(tmp_path_factory.mktemp("compiled"))
  jax.config.update("jax_compilation_cache_dir", folder)
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
  """The folder of real pictures, weights and reference numbers.

  `EMOJAX_TEST_DATA`, or `../shared/data` beside the checkout. Without it the test is
  skipped with a reason on a user's machine, and fails where `CI=true`.
  """
  root = pathlib.Path(__file__).resolve().parents[1]
  default = root.parent / "shared" / "data"
  folder = pathlib.Path(os.environ.get("EMOJAX_TEST_DATA", default))
  if folder.is_dir():
    return folder
  message = (
    f"no test data at {folder}: set EMOJAX_TEST_DATA to the folder that holds oasis/, "
    "gist_reference/ and the network weights"
  )
  if os.environ.get("CI", "").lower() in ("1", "true"):
    pytest.fail(message)
  pytest.skip(message)
