"""What a Gaussian process makes of a few trials: a value to expect at every place, and how sure that is."""

import itertools
from dataclasses import dataclass

import numpy as np

LENGTHS = (0.15, 0.3, 0.6, 1.2)  # over which values are alike, in units of the box
NOISES = (0.01, 0.03, 0.1, 0.3)  # of one trial, as a share of the variance


@dataclass(frozen=True)
class GaussianProcess:
    """Values at places, and a smooth belief between them.

    The covariance is Matern's with 5/2, as in Optuna's sampler. Of a few lengths and noises those are taken under which
    the values are most likely.

    Attributes
    ----------
    places : ndarray (n, d)
        In a box from 0 to 1.
    values : ndarray (n,)
    lengths : tuple of float
        For each axis, how far one has to go until values have little in common.
    noise : float
    """

    places: np.ndarray
    values: np.ndarray
    lengths: tuple[float, ...]
    noise: float

    @classmethod
    def of(cls, places: np.ndarray, values: np.ndarray) -> "GaussianProcess":
        """The most likely of some hundred processes.

        Examples
        --------
        >>> process = GaussianProcess.of(np.array([[0.0], [0.5], [1.0]]), np.array([1.0, 3.0, 1.0]))
        >>> mean, deviation = process.at(np.array([[0.5], [0.75]]))
        >>> bool(mean[0] > mean[1] > 1), bool(deviation[0] < deviation[1])
        (True, True)
        """
        all_lengths = itertools.product(LENGTHS, repeat=places.shape[1])
        asked = [cls(places, values, lengths, noise) for lengths in all_lengths for noise in NOISES]
        return max(asked, key=cls.likelihood)

    @property
    def scale(self) -> float:
        """The standard deviation of the values; what one believes before any trial."""
        return float(self.values.std()) or 1.0

    def likelihood(self) -> float:
        """The logarithm of the chance of these values, but for a constant."""
        factor, weights, scaled = self._solved()
        return float(-0.5 * scaled @ weights - np.log(np.diag(factor)).sum())

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (m,) at each of the points (m, d)."""
        factor, weights, _ = self._solved()
        near = self._alike(points, self.places)
        left = np.linalg.solve(factor, near.T)
        deviation = np.sqrt(np.clip(1 - np.square(left).sum(axis=0), 0, None))
        return self.values.mean() + self.scale * (near @ weights), self.scale * deviation

    def _solved(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        factor = np.linalg.cholesky(self._alike(self.places, self.places) + self.noise * np.eye(len(self.places)))
        scaled = (self.values - self.values.mean()) / self.scale
        return factor, np.linalg.solve(factor.T, np.linalg.solve(factor, scaled)), scaled

    def _alike(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        far = np.sqrt(5) * np.linalg.norm((some[:, None] - others) / self.lengths, axis=-1)
        found: np.ndarray = (1 + far + far**2 / 3) * np.exp(-far)
        return found
