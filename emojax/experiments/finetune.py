"""Fine-tuning an ImageNet network to one rating, the paper's comparison in Table IV.

In: pictures, one target's ratings, which rows train and stop, a network's parameters.
Out: what the tuned network says of every picture. The class layer is replaced by one
output whose bias starts at the mean training rating; the loss is the mean square error.
Either the convolutions are frozen and only the fully connected layers learn, or
everything does. There is no dropout, as the paper mentions none. A ResNet's batch norms
are folded into its convolutions, and are trained as part of them.
"""

import concurrent.futures
import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from emojax import images as images_lib
from emojax.backbones import BACKBONES, imagenet
from emojax.experiments.config import FinetuneConfig
from emojax.train import checkpoint, run_folder
from emojax.utils import runtime

MODES = ("frozen", "train")
# Stored larger than the networks' input, so that crops can be drawn from it; the
# middle of it is what a network sees otherwise.
VIEW = images_lib.View(
  "finetune", "crop", imagenet.SHORT_PX, imagenet.SHORT_PX, "linear"
)
_SIDE = imagenet.SIDE_PX
_AT_ONCE = 16  # pictures at most, where no gradient is taken
_HEAD = "rating"
_draw = jax.jit(jax.nn.initializers.lecun_normal(), static_argnums=1)


class State(NamedTuple):
  """A network between two epochs; enough to go on from."""

  params: Any  # only those that learn
  optimizer: Any
  best: Any  # parameters at the smallest validation error
  best_error: jax.Array  # () float32
  best_epoch: jax.Array  # () int32, counted from 1
  epoch: jax.Array  # () int32, finished ones


@dataclasses.dataclass(frozen=True)
class Tuned:
  """A tuned network.

  Attributes:
    predicted: (N,) float32 of every picture, also those trained on.
    best_epoch, best_error: where its validation error was smallest.
  """

  predicted: np.ndarray
  best_epoch: int
  best_error: float


def check(settings: FinetuneConfig) -> None:
  """Refuses networks that cannot be fine-tuned.

  Raises:
    ValueError: names those that can, and the one asked for.
  """
  tunable = [
    name
    for name, backbone in BACKBONES.items()
    if backbone.view.side_px == _SIDE and backbone.class_layer
  ]
  for name in settings.finetune:
    if name not in tunable:
      raise ValueError(f"--finetune knows {', '.join(tunable)}; got {name!r}")


def decode(
  images: Sequence[pathlib.Path | np.ndarray], path: pathlib.Path, workers: int
) -> np.ndarray:
  """Pictures as small squares, (N, 256, 256, 3) uint8, kept in one file.

  Args:
    images: files or arrays, in the dataset's order.
    path: where to keep them; read back when it is there.
    workers: decoding threads.
  Returns:
    A memory map of the file.
  Raises:
    ImageError: a picture cannot be read.
    OSError: the file cannot be written.
  """
  side = VIEW.side_px
  shape = (len(images), side, side, 3)
  if path.is_file():
    with contextlib.suppress(ValueError, EOFError):  # damaged: decoded again
      stored = np.load(path, mmap_mode="r")
      if (stored.shape, stored.dtype) == (shape, np.uint8):
        return stored
  path.parent.mkdir(parents=True, exist_ok=True)
  part = path.with_suffix(".part")
  table = np.lib.format.open_memmap(part, "w+", np.uint8, shape)

  def decode_row(row: int) -> None:
    image = images[row]
    rgb = image if isinstance(image, np.ndarray) else images_lib.load(image)
    table[row] = images_lib.view(rgb, VIEW)

  with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    list(pool.map(decode_row, range(len(images))))
  table.flush()
  part.replace(path)
  return np.load(path, mmap_mode="r")


class Program:
  """The compiled steps of one network and mode; nothing of a fold or target is in it.

  Args:
    network: of `BACKBONES`, with 224-pixel input.
    mode: "frozen" or "train", what becomes of the convolutions.
    params: the network's.
    images: (N, 256, 256, 3) uint8, from `decode`.
    settings: step, batch and so on.
  Raises:
    ValueError: an unknown mode.
  """

  def __init__(
    self,
    network: str,
    mode: str,
    params: Any,
    images: np.ndarray,
    settings: FinetuneConfig,
  ):
    if mode not in MODES:
      raise ValueError(f"fine-tuning is one of {', '.join(MODES)}; got {mode!r}")
    self.network = network
    self.settings = settings
    self.images = images
    flat = flatten_dict(params, sep=".")
    dense = {name for name in flat if name.startswith("fc")}
    last = {n for n in flat if n.startswith(("fc8", "classifier", "conv_final"))}
    learn = (dense if mode == "frozen" else set(flat)) - last
    # Put there, not made by `jnp`, which compiles a program for each shape.
    self._learned = jax.device_put({name: flat[name] for name in learn})
    self._fixed = jax.device_put({n: v for n, v in flat.items() if n not in learn})
    self._optimizer = optax.sgd(
      settings.finetune_learning_rate, momentum=settings.finetune_momentum
    )
    fastest = runtime.options()
    self._forward = jax.jit(self._say, compiler_options=fastest)
    self._run = jax.jit(self._steps, compiler_options=fastest)
    # Frozen convolutions give the same numbers in every epoch: once is enough.
    self._inputs = None
    if mode == "frozen" and not settings.finetune_augment:
      convolve = jax.jit(self._convolve, compiler_options=fastest)
      self._inputs = np.concatenate(
        [
          np.asarray(convolve(self._fixed | self._learned, images[rows]))
          for rows in self._strips(np.arange(len(images)))
        ]
      )

  def init(self, mean: float, seed: int) -> State:
    """The network before its first epoch."""
    size = self._penultimate_size()
    kernel = _draw(jax.random.key(seed), (size, 1))
    bias, infinite = jax.device_put((np.full(1, mean, np.float32), np.float32(np.inf)))
    params = self._learned | {f"{_HEAD}.kernel": kernel, f"{_HEAD}.bias": bias}
    optimizer, zero = jax.jit(self._optimizer.init)(params), jax.device_put(np.int32(0))
    return State(params, optimizer, params, infinite, zero, zero)

  def epoch(
    self, state: State, rated: np.ndarray, rows: np.ndarray, seed: int
  ) -> tuple[State, float]:
    """Passes once over the training rows in a new order: state and mean error."""
    number = int(state.epoch)
    order = np.random.default_rng([seed, number]).permutation(rows)
    batch = min(self.settings.finetune_batch, len(order))
    steps = -(-len(order) // batch)
    weights = np.zeros(steps * batch, np.float32)
    weights[: len(order)] = 1
    padded = np.resize(order, steps * batch)
    params, optimizer, total = state.params, state.optimizer, 0.0
    for step in range(steps):
      here = slice(step * batch, (step + 1) * batch)
      key = jax.random.fold_in(jax.random.key(seed), number * steps + step)
      seen = (self._of(padded[here]), rated[padded[here]], weights[here])
      params, optimizer, error = self._run(params, optimizer, self._fixed, *seen, key)
      total += float(error)
    after = jax.device_put(np.int32(number + 1))
    new = state._replace(params=params, optimizer=optimizer, epoch=after)
    return new, total / len(order)

  def predict(self, params: Any, rows: np.ndarray) -> np.ndarray:
    """What the network says of some pictures, (n,) float32."""
    predictions = [
      np.asarray(self._forward(params, self._fixed, self._of(strip)))
      for strip in self._strips(rows)
    ]
    return np.concatenate(predictions)[: len(rows)]

  def _strips(self, rows: np.ndarray) -> list[np.ndarray]:
    """Rows in strips of one length, the last one filled up: one shape compiles once."""
    size = min(_AT_ONCE, len(self.images))
    number = -(-len(rows) // size) * size
    return list(np.resize(rows, number).reshape(-1, size))

  def _of(self, rows: np.ndarray) -> np.ndarray:
    """What the learning layers see of some pictures."""
    return (self.images if self._inputs is None else self._inputs)[rows]

  def _steps(self, params, optimizer, fixed, inputs, rated, weights, key):
    """One step of SGD: parameters, optimizer state, summed squared error."""
    if self.settings.finetune_augment:
      inputs = _augmented(key, inputs)

    def loss(params):
      squares = weights * jnp.square(self._say(params, fixed, inputs) - rated)
      return jnp.sum(squares) / jnp.sum(weights), jnp.sum(squares)

    gradients, total = jax.grad(loss, has_aux=True)(params)
    updates, optimizer = self._optimizer.update(gradients, optimizer, params)
    return optax.apply_updates(params, updates), optimizer, total

  def _say(self, params, fixed, inputs) -> jax.Array:
    """Ratings (B,) of pictures, or of what the frozen convolutions gave."""
    flat = fixed | params
    if inputs.ndim == 2:
      x = inputs
      for layer in ("fc6", "fc7") if "fc6.kernel" in flat else ():
        kernel = flat[f"{layer}.kernel"][0, 0]
        x = jnp.matmul(x, kernel, precision="highest") + flat[f"{layer}.bias"][None]
        x = jax.nn.relu(x)
    else:
      outputs = self._outputs(flat, inputs)
      x = outputs["fc7" if "fc7" in outputs else "pool"]
    kernel, bias = flat[f"{_HEAD}.kernel"], flat[f"{_HEAD}.bias"]
    return (jnp.matmul(x, kernel, precision="highest") + bias[None])[:, 0]

  def _convolve(self, flat, images) -> jax.Array:
    outputs = self._outputs(flat, images)
    return outputs["conv" if "conv" in outputs else "pool"]

  def _outputs(self, flat, images) -> dict[str, jax.Array]:
    side = images.shape[1]
    if side != _SIDE:
      edge = (side - _SIDE) // 2
      images = images[:, edge : edge + _SIDE, edge : edge + _SIDE]
    own = {name: v for name, v in flat.items() if not name.startswith(_HEAD)}
    return BACKBONES[self.network].apply(unflatten_dict(own, sep="."), images)

  def _penultimate_size(self) -> int:
    shapes = BACKBONES[self.network].shapes
    last = "fc8/kernel" if "fc8/kernel" in shapes else "classifier/kernel"
    return shapes[last][2]


def tune(
  program: Program,
  rated: np.ndarray,
  train_rows: np.ndarray,
  stop_rows: np.ndarray,
  seed: int,
  folder: run_folder.RunFolder | None = None,
  tell: Callable[[int, float, float], None] = lambda *_: None,
) -> Tuned:
  """Tunes a network for one target and fold, going on from the folder where it can.

  Args:
    program: the network, the pictures and the settings; shared by folds and targets.
    rated: (N,) ratings; only those of the rows below are looked at.
    train_rows, stop_rows: rows that train, and rows whose error decides when to stop.
    seed: of the new layer and the order of pictures.
    folder: where to keep the state after each epoch; None keeps nothing.
    tell: gets epoch, training and validation error after each epoch.
  Returns:
    `Tuned`.
  Raises:
    ValueError: an error became infinite or not a number.
  """
  settings = program.settings
  wanted = np.asarray(rated, np.float32)
  state = program.init(float(np.mean(rated[train_rows])), seed)
  store = checkpoint.StateStore(folder) if folder else None
  try:
    if store and (newest := store.newest()) is not None:
      state = store.restore(newest, state)
    while int(state.epoch) < settings.finetune_epochs:
      stale = int(state.epoch) - int(state.best_epoch)
      if int(state.epoch) and stale >= settings.finetune_patience:
        break
      state, error = program.epoch(state, wanted, train_rows, seed)
      predictions = program.predict(state.params, stop_rows)
      stopping = float(np.mean((predictions - rated[stop_rows]) ** 2))
      if not np.isfinite([error, stopping]).all():
        raise ValueError(
          f"the error of {program.network} is not a finite number in epoch "
          f"{int(state.epoch)}: try a smaller --finetune_learning_rate than "
          f"{settings.finetune_learning_rate:g}"
        )
      if stopping < float(state.best_error):
        state = state._replace(
          best=state.params,
          best_error=jax.device_put(np.float32(stopping)),
          best_epoch=state.epoch,
        )
      if store:
        store.save(int(state.epoch), state)
      tell(int(state.epoch), error, stopping)
  finally:
    if store:
      store.close()
  everything = np.arange(len(program.images))
  return Tuned(
    program.predict(state.best, everything),
    int(state.best_epoch),
    float(state.best_error),
  )


def _augmented(key: jax.Array, images: jax.Array) -> jax.Array:
  """A random place of the network's size in each picture, mirrored or not."""
  most = images.shape[1] - _SIDE + 1
  place_key, mirror_key = jax.random.split(key)
  places = jax.random.randint(place_key, (len(images), 2), 0, most)
  mirrored = jax.random.bernoulli(mirror_key, 0.5, (len(images),))

  def augment(image, place, mirror):
    start = (place[0], place[1], 0)
    cut = jax.lax.dynamic_slice(image, start, (_SIDE, _SIDE, 3))
    return jnp.where(mirror, cut[:, ::-1], cut)

  return jax.vmap(augment)(images, places, mirrored)
