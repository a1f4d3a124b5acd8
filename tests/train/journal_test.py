"""One JSON line an epoch, TensorBoard events, and going on after a kill."""

import json

import pytest
from tensorboardX.proto import event_pb2

from emojax.train import journal
from emojax.train.networks import Network

_NETS = [
  Network(0, ("valence",), 0),
  Network(0, ("valence",), 1),
  Network(3, ("arousal",), 0),
]


def _write(tmp_path, epochs, done=0):
  log = journal.Journal(tmp_path / "m.jsonl", tmp_path / "events", _NETS, done)
  for epoch in epochs:
    log.write(epoch, 0.5, {"train": [1.0, 3.0, epoch], "validation": [1.0, 1.0, 2.0]})
  log.close()


def test_one_line_an_epoch_with_the_mean_over_the_ensemble(tmp_path):
  _write(tmp_path, [1, 2])
  lines = [json.loads(x) for x in (tmp_path / "m.jsonl").read_text().splitlines()]
  assert [line["epoch"] for line in lines] == [1, 2]
  assert lines[1]["train_mse"] == {"valence": {"g1": 2.0}, "arousal": {"g4": 2.0}}
  assert lines[1]["validation_mse"]["valence"]["g1"] == 1.0


def test_resuming_drops_lines_after_the_checkpoint_and_a_torn_one(tmp_path):
  _write(tmp_path, [1, 2, 3, 4])
  with (tmp_path / "m.jsonl").open("a") as file:
    file.write('{"epoch": 5, "sec')
  _write(tmp_path, [3, 4, 5], done=2)
  lines = [json.loads(x) for x in (tmp_path / "m.jsonl").read_text().splitlines()]
  assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]


def test_events_can_be_read(tmp_path):
  _write(tmp_path, [1])
  (path,) = (tmp_path / "events").iterdir()
  data, tags = path.read_bytes(), {}
  while data:  # length 8, its checksum 4, event, checksum 4
    size = int.from_bytes(data[:8], "little")
    event = event_pb2.Event.FromString(data[12 : 12 + size])
    tags.update({v.tag: v.simple_value for v in event.summary.value})
    data = data[16 + size :]
  assert tags["valence/train_mse"] == pytest.approx(2.0)
  assert tags["arousal_g4/validation_mse"] == pytest.approx(2.0)
