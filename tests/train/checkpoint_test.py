"""A run folder: opened, refused, saved whole, read back elsewhere."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from emojax.train import checkpoint, model, run_folder

_CONFIG = {"identity": {"settings": {"seed": 0, "hidden": (3, 2)}}, "preset": "paper"}


def test_new_folder_gets_its_config(tmp_path):
  folder = run_folder.open_run(tmp_path / "a" / "b", _CONFIG, resume=False)
  assert run_folder.read_config(folder)["identity"]["settings"]["hidden"] == [3, 2]
  assert not folder.is_finished


def test_a_run_is_not_overwritten_without_resume(tmp_path):
  run_folder.open_run(tmp_path, _CONFIG, resume=False)
  with pytest.raises(run_folder.RunError, match=r"already holds a run.*--resume"):
    run_folder.open_run(tmp_path, _CONFIG, resume=False)


def test_resume_opens_the_same_configuration(tmp_path):
  first = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  config = first.config.read_bytes()
  again = run_folder.open_run(tmp_path, _CONFIG, resume=True)
  assert again == first and again.config.read_bytes() == config


def test_resume_of_another_configuration_names_what_differs(tmp_path):
  run_folder.open_run(tmp_path, _CONFIG, resume=False)
  other = {"identity": {"settings": {"seed": 7, "hidden": (3, 2)}}}
  with pytest.raises(
    run_folder.RunError, match=r"settings\.seed is 0 there and 7 here"
  ):
    run_folder.open_run(tmp_path, other, resume=True)


def test_a_setting_that_older_runs_lack_is_as_it_then_was(tmp_path):
  run_folder.open_run(tmp_path, _CONFIG, resume=False)
  settings = _CONFIG["identity"]["settings"]
  same = {"identity": {"settings": {**settings, "principal_directions": 0}}}
  run_folder.open_run(tmp_path, same, resume=True)
  other = {"identity": {"settings": {**settings, "principal_directions": 8}}}
  with pytest.raises(run_folder.RunError, match="directions is 0 there and 8 here"):
    run_folder.open_run(tmp_path, other, resume=True)


def test_a_folder_of_other_files_is_left_alone(tmp_path):
  (tmp_path / "thesis.docx").write_text("mine")
  with pytest.raises(run_folder.RunError, match="no emojax run"):
    run_folder.open_run(tmp_path, _CONFIG, resume=True)
  assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]


def test_damaged_config_is_one_clear_error(tmp_path):
  folder = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  folder.config.write_text('{"identity": ')
  with pytest.raises(run_folder.RunError, match="cannot be read"):
    run_folder.open_run(tmp_path, _CONFIG, resume=True)


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
  (tmp_path / "run").write_text("a file")
  with pytest.raises(run_folder.RunError, match="cannot be used"):
    run_folder.open_run(tmp_path / "run", _CONFIG, resume=False)


def test_states_come_back_and_only_the_newest_is_kept(tmp_path):
  folder = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  state = {"a": jnp.arange(6.0).reshape(2, 3), "n": (jnp.int32(4), jnp.array([True]))}
  store = checkpoint.StateStore(folder)
  assert store.newest() is None
  store.save(10, state)
  store.save(20, jax.tree.map(lambda x: x * 0 if x.dtype != bool else x, state))
  store.close()
  again = checkpoint.StateStore(folder)
  assert again.newest() == 20
  restored = again.restore(20, jax.eval_shape(lambda: state))
  np.testing.assert_array_equal(restored["a"], np.zeros((2, 3)))
  assert restored["n"][1].dtype == bool
  again.close()
  assert sorted(p.name for p in folder.states.iterdir()) == ["20"]


def _one_state(path):
  folder = run_folder.open_run(path, _CONFIG, resume=False)
  store = checkpoint.StateStore(folder)
  store.save(7, {"a": jnp.arange(6.0)})
  store.close()
  return folder


def _restored(folder):
  store = checkpoint.StateStore(folder)
  try:
    return store.restore(store.newest(), {"a": jnp.zeros(6)})["a"]
  finally:
    store.close()


def test_a_state_is_refused_when_its_numbers_are_not_those_written(tmp_path):
  folder = _one_state(tmp_path)
  (digest,) = (folder.states / "7" / "digest").glob("metadata")
  digest.write_text(json.dumps({"sha256": "0" * 64}))  # as if numbers had changed
  with pytest.raises(run_folder.RunError, match=r"7 is damaged \(its numbers.*delete"):
    _restored(folder)
  shutil.rmtree(digest.parent)  # a state of emojax 0.1
  np.testing.assert_array_equal(_restored(folder), np.arange(6.0))


@pytest.mark.parametrize("name", ["manifest.ocdbt", "_METADATA", "data"])
def test_a_state_that_was_not_copied_whole_is_one_clear_error(tmp_path, name):
  folder = _one_state(tmp_path)
  files = [p for p in (folder.states / "7" / "default").rglob("*") if p.is_file()]
  largest = max(files, key=lambda path: path.stat().st_size)
  for path in files:
    if path.name == name or (path == largest and name == "data"):
      path.write_bytes(path.read_bytes()[:9])
  with pytest.raises(run_folder.RunError, match=r"7 is damaged .*--resume") as error:
    _restored(folder)
  assert "\n" not in str(error.value)


def _model_tree():
  params = {"output": {"kernel": jnp.ones((5, 4, 1)), "bias": jnp.full((5, 1), 2.0)}}
  scaling = model.Scaling(jnp.zeros((5, 4)), jnp.ones((5, 4)), jnp.ones((5, 4)))
  return params, scaling


def test_model_saved_on_two_devices_opens_on_one(tmp_path):
  folder = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  params, scaling = _model_tree()
  assert jax.local_device_count() == 2
  mesh = jax.make_mesh((2,), ("x",))
  spread = jax.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "x"))
  params["output"]["kernel"] = jax.device_put(params["output"]["kernel"], spread)
  checkpoint.save_model(folder, params, scaling)
  program = textwrap.dedent(
    """
    import pathlib, sys
    import jax, jax.numpy as jnp
    from emojax.train import checkpoint, model, run_folder
    assert jax.local_device_count() == 1
    like = {"output": {"kernel": jnp.zeros((5, 4, 1)), "bias": jnp.zeros((5, 1))}}
    zeros = jnp.zeros((5, 4))
    folder = run_folder.RunFolder(pathlib.Path(sys.argv[1]))
    found, scaling = checkpoint.load_model(
      folder, like, model.Scaling(zeros, zeros, zeros)
    )
    assert float(found["output"]["kernel"].sum()) == 20, found
    assert float(scaling.gain.sum()) == 20
    """
  )
  environment = os.environ | {"XLA_FLAGS": helpers.xla_flags()}
  environment["PYTHONPATH"] = str(helpers.ROOT)
  done = subprocess.run(
    [sys.executable, "-c", program, str(tmp_path)],
    env=environment,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr


def test_model_of_other_shapes_is_refused(tmp_path):
  folder = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  params, scaling = _model_tree()
  with pytest.raises(run_folder.RunError, match="no trained networks yet"):
    checkpoint.load_model(folder, params, scaling)
  checkpoint.save_model(folder, params, scaling)
  params["output"]["kernel"] = jnp.ones((5, 9, 1))
  with pytest.raises(run_folder.RunError, match="does not fit"):
    checkpoint.load_model(folder, params, scaling)


def test_not_a_run_folder(tmp_path):
  with pytest.raises(run_folder.RunError, match="no run folder"):
    run_folder.read_config(run_folder.RunFolder(tmp_path))


def test_config_is_json_a_person_can_read(tmp_path):
  folder = run_folder.open_run(tmp_path, _CONFIG, resume=False)
  text = folder.config.read_text()
  assert json.loads(text)["preset"] == "paper"
  assert text.count("\n") > 5


def test_networks_that_do_not_fit_the_disk_are_one_clear_error(tmp_path):
  """Larger than any disk, but a single number in memory."""
  vast = np.broadcast_to(np.float32(0), (10**15,))
  _, scaling = _model_tree()
  folder = run_folder.open_run(tmp_path / "run", _CONFIG, resume=False)
  with pytest.raises(run_folder.RunError, match=r"MB are needed and .*--resume"):
    checkpoint.save_model(folder, {"kernel": vast}, scaling)
  store = checkpoint.StateStore(folder)
  with pytest.raises(run_folder.RunError, match=r"MB are needed and .*--resume"):
    store.save(1, {"kernel": vast})
  store.close()
