"""The one exception family of the package."""


class CoinError(ValueError):
    """Something the caller can put right; the message says what, expected, got, and what to do next."""
