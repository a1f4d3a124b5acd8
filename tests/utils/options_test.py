"""Every setting has a flag, and presets yield to what was given."""

import dataclasses
import json

import pytest
from absl import flags

from emojax import config
from emojax.app.config import AppConfig
from emojax.attributes.config import AttributeConfig
from emojax.experiments.config import ExperimentConfig, FinetuneConfig
from emojax.raters.config import CandidateConfig, RaterConfig, RatingPageConfig
from emojax.utils import errors, options
from emojax.words.config import WordsConfig


@pytest.fixture
def parse_flags(monkeypatch):
  """Parses a command line into fresh flags."""

  def parse(*arguments, settings=config.TrainConfig):
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)

    def define(kind):
      original = getattr(flags, kind)
      return lambda *a, **k: original(*a, flag_values=values, **k)

    for kind in ("enum", "boolean", "integer", "float", "list", "string"):
      monkeypatch.setattr(flags, f"DEFINE_{kind}", define(f"DEFINE_{kind}"))
    options.define(settings, "test")
    values(["program", *arguments])

  return parse


@pytest.mark.parametrize(
  "settings",
  [
    config.TrainConfig,
    config.ExtractConfig,
    config.DataConfig,
    RaterConfig,
    CandidateConfig,
    RatingPageConfig,
    AttributeConfig,
    ExperimentConfig,
    FinetuneConfig,
    AppConfig,
    WordsConfig,
  ],
)
def test_every_setting_has_a_flag_with_its_default_and_survives_json(
  parse_flags, settings
):
  parse_flags(settings=settings)
  read = options.read(settings())
  assert read == settings()
  names = {field.name for field in dataclasses.fields(settings)}
  assert names == set(flags.FLAGS)
  back = json.loads(json.dumps(dataclasses.asdict(read)))
  restored = settings(
    **{k: tuple(v) if isinstance(v, list) else v for k, v in back.items()}
  )
  assert restored == read


def test_a_given_flag_overrides_the_preset_and_the_others_do_not(parse_flags):
  parse_flags("--learning_rate=0.5", "--hidden=7,8", "--nesterov", "--target=arousal")
  preset = dataclasses.replace(config.TrainConfig(), dropout=0.4, momentum=0.5)
  read = options.read(preset, given_only=True)
  assert (read.learning_rate, read.hidden, read.nesterov) == (0.5, (7, 8), True)
  assert read.target == ("arousal",)
  assert (read.dropout, read.momentum) == (0.4, 0.5)


def test_an_empty_list_of_layers_is_a_linear_model(parse_flags):
  parse_flags("--hidden=")
  assert options.read(config.TrainConfig()).hidden == ()


def test_a_list_that_is_no_list_of_numbers(parse_flags):
  parse_flags("--hidden=30,many")
  with pytest.raises(ValueError, match=r"--hidden is a list of numbers.*30,many"):
    options.read(config.TrainConfig())


@pytest.mark.parametrize(
  ("flag", "message"),
  [
    ("--max_epochs=0", "--max_epochs should be 1 or more; got 0"),
    ("--learning_rate=0", "--learning_rate should be above 0; got 0.0"),
    ("--learning_rate=inf", "--learning_rate should be above 0; got inf"),
    ("--momentum=1", "--momentum should be 0 or more and below 1; got 1.0"),
    ("--momentum=nan", "--momentum should be 0 or more and below 1; got nan"),
    ("--train_share=1.5", "--train_share should be above 0 and at most 1; got 1.5"),
    ("--seed=4294967296", "--seed should be 0 to 4294967295; got 4294967296"),
    ("--hidden=30,0", "--hidden should be numbers, each 1 or more; got 30,0"),
    ("--target=arousal,arousal", "one or more names, each once; got arousal,arousal"),
    ("--target=", "each once; got nothing"),
  ],
)
def test_a_value_out_of_bounds_is_told(parse_flags, flag, message):
  parse_flags(flag)
  with pytest.raises(errors.UserError, match=f"{message}$"):
    options.read(config.TrainConfig(), given_only=True)


def test_bounds_themselves_are_allowed(parse_flags):
  parse_flags("--momentum=0", "--train_share=1", "--seed=4294967295", "--hidden=1")
  read = options.read(config.TrainConfig())
  assert (read.momentum, read.train_share) == (0, 1)
  assert (read.seed, read.hidden) == (4294967295, (1,))


def test_a_choice_is_checked_also_without_flags():
  with pytest.raises(errors.UserError, match="--stop_on should be one of validation, "):
    options.check(config.TrainConfig(stop_on="luck"))


def test_settings_say_what_they_mean():
  for settings in (config.TrainConfig, config.ExtractConfig, config.DataConfig):
    for field in dataclasses.fields(settings):
      assert len(field.metadata["help"]) > 10, field.name


def test_presets_are_named_settings():
  for settings, features in config.PRESETS.values():
    assert isinstance(settings, config.TrainConfig)
    assert features
  assert config.PRESETS["paper"][0] == config.TrainConfig()


@pytest.mark.parametrize(
  ("arguments", "expected"),
  [([], ""), (["--ray"], "auto"), (["--ray=h:1"], "h:1"), (["--noray"], "")],
)
def test_a_flag_may_stand_alone_or_have_a_value(arguments, expected):
  known = flags.FlagValues()
  options.define_optional("ray", "auto", "Where.", "test", known)
  assert known(["program", *arguments, "rest"]) == ["program", "rest"]
  assert known.ray == expected
