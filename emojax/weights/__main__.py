"""`python -m emojax.weights COMMAND`: the trained weights of feature networks.

python -m emojax.weights list
python -m emojax.weights get vgg16 resnet50
python -m emojax.weights convert squeezenet --source=squeezenet1_0-b66bff10.pth
"""

import pathlib

from absl import flags

from emojax.utils import cli, errors, files, locks, terminal

_NAME = "emojax.weights"
_ABOUT = (
  "Lists, fetches and converts the trained weights of feature networks. Weights are "
  "looked for in --weights_dir, then in installed packages, then in your own folder, "
  "which get and convert fill."
)


def _define_list() -> None:
  flags.DEFINE_string(
    "weights_dir", "", "Folder of weights files to look in first.", module_name=_NAME
  )


def _define_output() -> None:
  flags.DEFINE_string(
    "output", "", "Folder for weights files; empty: your own.", module_name=_NAME
  )


def _define_get() -> None:
  _define_output()
  flags.DEFINE_string(
    "downloads",
    "",
    "Folder for the published files, also those put there by hand; empty: `downloads` "
    "in the output folder.",
    module_name=_NAME,
  )
  flags.DEFINE_string(
    "mirror", "", "Address of a folder to use in place of the hosts.", module_name=_NAME
  )


def _define_convert() -> None:
  _define_output()
  flags.DEFINE_string(
    "source",
    "",
    "The published file, or a folder that holds it at any depth.",
    module_name=_NAME,
  )


def list_weights(arguments: list[str]) -> None:
  """Prints a line per network: where its weights are, or how to get them."""
  del arguments  # there are none
  from emojax.weights import listing

  terminal.say(listing.text(flags.FLAGS.weights_dir))


def get(arguments: list[str]) -> int:
  """Fetches published files, checks and converts them."""
  from emojax.backbones import convert, weights
  from emojax.utils import downloads
  from emojax.weights import hub, published

  output = _output()
  folder = pathlib.Path(flags.FLAGS.downloads or output / "downloads").expanduser()
  failed = 0
  for network in _networks(arguments):
    try:
      if network not in published.FILES:
        raise errors.UserError(weights.how_to_get(network))
      file, mirror = published.FILES[network], flags.FLAGS.mirror
      with locks.one_writer(folder, "--downloads"):
        if isinstance(file, hub.HubFile):
          path = hub.fetch(file, folder, mirror)
        else:
          path = downloads.fetch(file, folder, mirror)
      terminal.say(convert.convert(network, path, output))
      files.sweep(output)
    except (
      errors.UserError,
      downloads.DownloadError,
      weights.WeightsError,
      OSError,
    ) as error:
      terminal.tell(f"{_NAME} get: {network}: {error}")
      failed += 1
  return 1 if failed else 0


def convert_files(arguments: list[str]) -> None:
  """Turns published files at hand into weights files."""
  from emojax.backbones import convert, weights

  if not flags.FLAGS.source:
    raise errors.UserError("name the published file or its folder with --source")
  source, output = pathlib.Path(flags.FLAGS.source).expanduser(), _output()
  for network in _networks(arguments):
    files.check_writable(weights.path_of(network, output))
    terminal.say(convert.convert(network, source, output))
    files.sweep(output)


def _output() -> pathlib.Path:
  """The folder for weights files."""
  from emojax.backbones import trained

  return pathlib.Path(flags.FLAGS.output or trained.own_folder()).expanduser()


def _networks(arguments: list[str]) -> list[str]:
  """The networks named, each known."""
  from emojax.backbones import convert

  if not arguments:
    raise errors.UserError(f"name networks: {', '.join(convert.CONVERTERS)}")
  for name in arguments:
    if name not in convert.CONVERTERS:
      names = ", ".join(convert.CONVERTERS)
      raise errors.UserError(f"no network {name!r}; known: {names}")
  return arguments


COMMANDS = {
  "list": cli.Command(
    "Every network: where its trained weights are, or how to get them.",
    _define_list,
    list_weights,
    example="--weights_dir=weights",
  ),
  "get": cli.Command(
    "Fetches published files of networks, checks and converts them.",
    _define_get,
    get,
    arguments="NETWORK...",
    example="vgg16 resnet50",
  ),
  "convert": cli.Command(
    "Turns published files at hand into weights files.",
    _define_convert,
    convert_files,
    arguments="NETWORK...",
    example="vgg16 --source=vgg16-397923af.pth",
  ),
}


if __name__ == "__main__":
  cli.run_commands(COMMANDS, _NAME, _ABOUT)
