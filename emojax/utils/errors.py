"""A user's mistake, as every package raises it."""


class UserError(ValueError):
  """Something the user can put right; the message is one line that says how."""
