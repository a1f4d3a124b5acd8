"""The class names that come with emojax against the lists they are from."""

import csv

from emojax.backbones import class_names


def test_there_is_a_name_for_every_output():
  assert len(class_names.imagenet()) == 1000
  assert len(class_names.ade20k()) == 150
  assert class_names.ade20k_and_background()[:2] == ("background/other", "wall")
  for names in (class_names.imagenet(), class_names.ade20k()):
    assert all(name and name == name.strip() for name in names)


def test_imagenets_are_caffes_in_output_order(shared_data):
  path = shared_data / "imagenet_squeezenet_v10" / "imagenet_synset_words.txt"
  lines = path.read_text("utf-8").splitlines()
  assert class_names.imagenet() == tuple(line.partition(" ")[2] for line in lines)


def test_ade20ks_are_the_first_name_of_each_class(shared_data):
  """Both lists that people have agree: the authors' table, and DeepLab's labels."""
  path = shared_data / "ade20k_meta" / "objectInfo150.csv"
  rows = csv.DictReader(path.read_text("utf-8").splitlines())
  assert class_names.ade20k() == tuple(row["Name"].split(";")[0] for row in rows)
  path = shared_data / "ade20k_deeplabv3_mnv2" / "labels_150.txt"
  lines = path.read_text("utf-8").splitlines()
  assert class_names.ade20k() == tuple(line.split("\t")[1].strip() for line in lines)
