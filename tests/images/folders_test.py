"""What lies below a folder: links, loops, folders that cannot be listed, and counts."""

import os

import pytest

from emojax import images
from emojax.images import folders


@pytest.fixture
def place(tmp_path):
  """A function that makes files below a folder and gives the folder."""

  def make(*names: str):
    root = tmp_path / "folder"
    root.mkdir(exist_ok=True)
    for name in names:
      path = tmp_path / name if name.startswith("outside") else root / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.touch()
    return root

  return make


def below(root, paths):
  return [path.relative_to(root).as_posix() for path in paths]


def test_linked_folders_and_files_are_followed(place):
  root = place("a.jpg", "outside/b.jpg", "outside/deep/c.jpg", "outside/d.jpg")
  (root / "linked").symlink_to("../outside")
  (root / "e.jpg").symlink_to("../outside/d.jpg")
  expected = ["a.jpg", "e.jpg", "linked/b.jpg", "linked/d.jpg", "linked/deep/c.jpg"]
  assert below(root, images.walk(root)) == expected
  assert images.passed_over([root]) == ""


def test_a_folder_is_listed_once_and_by_its_own_name(place):
  root = place("b/x.jpg", "outside/deep/y.jpg")
  (root / "a").symlink_to("b")  # of a folder that has a name of its own
  (root / "c").symlink_to("../outside/deep")
  (root / "d").symlink_to("../outside")  # whose folder `deep` is listed already
  listing = folders.listing(root)
  assert below(root, listing.images) == ["b/x.jpg", "c/y.jpg"]
  assert below(root, listing.repeats) == ["a"]
  assert "1 links lead to folders that are listed already" in images.passed_over([root])


@pytest.mark.parametrize("target", [".", "..", "../../folder", "loop"])
def test_loops_end(place, target):
  root = place("a.jpg", "sub/b.jpg")
  (root / "sub" / "loop").symlink_to(target)
  assert below(root, images.walk(root)) == ["a.jpg", "sub/b.jpg"]
  assert images.passed_over([root])  # not without a word


@pytest.mark.parametrize(
  ("name", "is_shown"),
  [
    ("folder/a.jpg", True),
    ("folder/../folder/a.jpg", True),
    ("folder/own", True),  # a link to what lies there
    ("folder/../outside/b.jpg", False),
    ("/etc/passwd", False),
    ("folder/linked/b.jpg", False),
    ("folder2/a.jpg", False),
    ("folder/loop", True),  # not there, whatever it says
    ("folder/a\0.jpg", False),
    ("named.jpg", True),  # itself, though it leads elsewhere
  ],
)
def test_a_page_shows_what_lies_below_what_was_named(place, tmp_path, name, is_shown):
  root = place("a.jpg", "outside/b.jpg")
  for link, target in (("linked", "../outside"), ("own", "a.jpg"), ("loop", "loop")):
    (root / link).symlink_to(target)
  (tmp_path / "named.jpg").symlink_to("outside/b.jpg")
  if name == "named.jpg":
    images.check_named(tmp_path / name, [root, tmp_path / name])
  elif is_shown:
    images.check_named(tmp_path / name, [root])
  else:
    with pytest.raises(images.ImageError, match=r"outside of what|cannot be opened"):
      images.check_named(tmp_path / name, [root])


def test_a_linked_root_is_a_folder(place, tmp_path):
  place("a.jpg")
  (tmp_path / "link").symlink_to("folder")
  assert images.walk(tmp_path / "link") == [tmp_path / "link" / "a.jpg"]


def test_a_folder_that_cannot_be_listed_is_a_row(place, monkeypatch):
  root = place("a.jpg", "shut/b.jpg", "z.jpg")
  listdir = os.listdir

  def guarded(path):
    if os.fspath(path).endswith("shut"):
      raise PermissionError(13, "Permission denied")
    return listdir(path)

  monkeypatch.setattr(os, "listdir", guarded)
  assert below(root, images.walk(root)) == ["a.jpg", "shut", "z.jpg"]
  with pytest.raises(images.ImageError, match=r"cannot list .*shut: Permission denied"):
    images.load(root / "shut")
  with pytest.raises(images.ImageError, match="cannot list the folder"):
    images.walk(root / "shut")


def test_what_has_no_row_is_counted(place):
  root = place(
    *("a.jpg", "b.JFIF", "c.heic", "d.pjpeg", "e.psd", "f/g.svg", "h", "p.png/q.jpg"),
    *(".i.jpg", ".DS_Store", ".git/j.jpg"),
  )
  (root / "dangling").symlink_to("nowhere")
  (root / "dangling.png").symlink_to("nowhere")
  names = ["a.jpg", "b.JFIF", "c.heic", "d.pjpeg", "dangling.png", "p.png/q.jpg"]
  assert below(root, images.walk(root)) == names
  assert below(root, images.others(root)) == ["dangling", "e.psd", "f/g.svg", "h"]
  sentence = images.passed_over([root, root / "none", root / "a.jpg"])
  assert sentence.startswith(
    "4 other files in the folders are no pictures by their end"
  )
  assert (
    "; 1 other files in the folders are hidden pictures, with a leading" in sentence
  )
  assert sentence.endswith(" and have no row") and "\n" not in sentence
