"""Settings of the app."""

import dataclasses

from emojax.config import setting


@dataclasses.dataclass(frozen=True)
class AppConfig:
  """What the app serves, and to whom."""

  run: str = setting(
    "",
    "The run that predicts at first: a run folder or an exported archive; empty: the "
    "predictor that comes with emojax.",
  )
  host: str = setting(
    "127.0.0.1",
    "Address to listen at. The default is seen from this machine only; 0.0.0.0 from "
    "every machine that reaches it, who then cannot name runs on this one.",
  )
  port: int = setting(
    7860,
    "Port to listen at; 0: the first free one from 7860 on.",
    least=0,
    most=65535,
  )
  max_images: int = setting(500, "How many pictures may be dropped at once.", least=1)
  max_file_mb: int = setting(
    50, "How many MB (1024 x 1024 bytes) each of their files may have.", least=1
  )
  allow_simulated: bool = setting(
    False,
    "Rate also with a run that was trained on simulated ratings or random weights; "
    "every row then says so.",
  )
