"""The page, made of Gradio's parts: what stands where, and what follows what.

In: what rates. Out: Gradio's `Blocks`. What people see of predictions is in `views`.
"""

import functools
import json
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from emojax import images
from emojax.app import uploads, views
from emojax.app.config import AppConfig
from emojax.app.ratings import Rated, Rater
from emojax.utils import errors, files

_FOLDER = pathlib.Path(__file__).parent
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
# Gradio deletes copies of files that are older, and looks so often; in seconds.
_LOOK_SECONDS, _KEPT_SECONDS = 3600, 24 * 3600


def _script() -> str:
  text = (_FOLDER / "app.js").read_text("utf-8")
  return text.replace("/* endings */ []", json.dumps(images.SUFFIXES, allow_nan=False))


# What `Blocks.launch` wants to know of the page's look, and of what it may not do:
# nothing is loaded from elsewhere, nothing is kept in the browser.
LOOK: dict[str, Any] = {
  "theme": gr.themes.Base(font=["sans-serif"], font_mono=["monospace"]),
  "css": (_FOLDER / "app.css").read_text("utf-8"),
  "head": f"<script>{_script()}</script>",
  "footer_links": [],
  "run_history": False,
  "enable_monitoring": False,
  "share": False,
  "ssr_mode": False,
  "pwa": False,
  "mcp_server": False,
  "show_error": True,
}


def _uploads(payload: Any) -> list[uploads.Upload]:
  """Files as Gradio has them, to their copies and their own names."""
  return [
    uploads.Upload(pathlib.Path(file.path), file.orig_name or file.path)
    for file in payload or ()
  ]


def build(config: AppConfig, rater: Rater, folder: str) -> gr.Blocks:
  """The page.

  Args:
    config: settings of the app.
    rater: what rates.
    folder: where copies of what is dropped lie.
  """
  is_local = config.host in _LOCAL_HOSTS
  place = pathlib.Path(folder)
  with gr.Blocks(
    title="emojax",
    analytics_enabled=False,
    delete_cache=(_LOOK_SECONDS, _KEPT_SECONDS),
  ) as demo:
    run, rated = gr.State(config.run), gr.State(None)
    gr.Markdown(_HEAD.format(stays=_HERE if is_local else _THERE))
    dropped = gr.File(
      label=f"Pictures or a folder: {uploads.limits(config)}",
      file_count="multiple",
      height=180,
      elem_id="emojax-files",
    )
    # It would give the copies alone. For a class of our own, Gradio writes a stub file
    # beside the module.
    setattr(dropped, "preprocess", _uploads)  # noqa: B010
    gr.HTML(_CHOOSE_FOLDER)
    if is_local:
      with gr.Accordion("Another run", open=False):
        path = gr.Textbox(
          label="Path of a run folder or an exported archive on this machine; empty: "
          "the predictor that comes with emojax",
          value=config.run,
          elem_id="emojax-run",
        )
        use = gr.Button("Use this run")
    state = gr.HTML(views.told(_NOTHING))
    with gr.Tabs():
      with gr.Tab("Plane"):
        csv = gr.DownloadButton(
          "Download the table as CSV", interactive=False, size="sm"
        )
        overview = gr.HTML()
      with gr.Tab("Compare"):
        with gr.Row():
          first, second = (_choice(f"{rank} picture") for rank in ("First", "Second"))
        compare = gr.Button("Compare")
        comparison = gr.HTML()
      with gr.Tab("Parts"):
        subject = _choice("Picture")
        occlude = gr.Button("Cover it part by part (up to a minute)")
        drivers = gr.HTML()

    parts = [rated, csv, overview, comparison, drivers, first, second, subject]

    def rate(run: str, files_: list[uploads.Upload]) -> list[Any]:
      uploads.check(files_, config)
      if not files_:
        return [views.told(_NOTHING), *_parts(None)]
      now = rater.rate(run, files_)
      page = views.overview(now, place, rater.settings.max_pixels)
      table = pathlib.Path(tempfile.mkdtemp(dir=place)) / "predictions.csv"
      files.write(table, files.utf8(now.csv))
      return [
        views.told(views.summary(now)),
        *_parts(now, views.framed(page, "Plane and table"), str(table)),
      ]

    def compare_two(now: Rated | None, one: int | None, other: int | None) -> list[Any]:
      if now is None or one is None or other is None:
        raise errors.UserError("drop pictures, then choose two of them")
      page = views.comparison(now.only([one, other]), place, rater.settings.max_pixels)
      return [views.framed(page, "Comparison")]

    def find_drivers(now: Rated | None, row: int | None) -> list[Any]:
      if now is None or row is None:
        raise errors.UserError("drop pictures, then choose one of them")
      page = views.drivers(rater.occlude(now, row), now.only([row]))
      return [views.framed(page, "Parts that the prediction depends on")]

    def change_run(path: str, files_: list[uploads.Upload]) -> list[Any]:
      rater.opened(path.strip())
      return [*rate(path.strip(), files_), path.strip()]

    private: dict[str, Any] = {"api_visibility": "private"}
    dropped.change(
      _guarded(rate, _parts(None)), [run, dropped], [state, *parts], **private
    )
    compare.click(
      _guarded(compare_two), [rated, first, second], [comparison], **private
    )
    occlude.click(_guarded(find_drivers), [rated, subject], [drivers], **private)
    if is_local:
      as_before = [gr.skip() for _ in (*parts, run)]
      use.click(
        _guarded(change_run, as_before),
        [path, dropped],
        [state, *parts, run],
        **private,
      )
  return demo


def _choice(label: str) -> gr.Dropdown:
  return gr.Dropdown([], label=label, interactive=True)


def _parts(now: Rated | None, page: str = "", table: str | None = None) -> list[Any]:
  """What `parts` of the page become."""
  rows = [] if now is None else now.choices
  picked = [rows[at][1] if at < len(rows) else None for at in (0, 1, 0)]
  return [
    now,
    gr.update(value=table, interactive=table is not None),
    page,
    "",
    "",
    *(gr.update(choices=rows, value=value) for value in picked),
  ]


def _guarded(
  function: Callable[..., list[Any]], otherwise: Sequence[Any] = ()
) -> Callable[..., list[Any]]:
  """A function whose mistakes of users become a line, its first output.

  Args:
    function: what an event calls.
    otherwise: its other outputs then.
  """

  @functools.wraps(function)
  def guarded(*values: Any) -> list[Any]:
    try:
      return function(*values)
    except (ValueError, OSError) as error:
      return [views.told(errors.told(error), is_error=True), *otherwise]

  return guarded


_NOTHING = "No pictures yet."
_HERE = (
  "Everything stays on this machine: pictures and ratings are sent nowhere, and the "
  "copies that this page works on are deleted when the program ends, or after a day."
)
_THERE = (
  "Pictures are sent to the machine that serves this page, and from there nowhere "
  "else; their copies are deleted after a day, or when the program ends."
)
_HEAD = """# How pleasant and how exciting do people find a picture?

{stays}

A prediction is the mean rating that many people would probably give, on the scale of
the run, 1 to 9 by default; for 9 in 10 pictures like those it was trained on, that mean
lies in the interval beside it. It is a rough number: judge no single picture, and
nobody, by it.
"""
_CHOOSE_FOLDER = """<p class="emojax-folder"><label>Or choose a folder:
<input type="file" id="emojax-folder" webkitdirectory multiple></label>
<span id="emojax-others" role="status"></span></p>"""
