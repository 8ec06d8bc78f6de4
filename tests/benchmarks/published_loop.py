"""The published training loop, as the COIN paper describes it, for comparison only: nothing in the package uses it.

Adam at 2e-4 on all pixels at once, torch's autograd through sin(omega_0 (W x + b)), and after every step the loss and
the PSNR fetched from the device and the best weights copied (github.com/EmilienDupont/coin, training.py).
"""

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn

from coin_edu import Arch, Siren, grid


class PublishedLoop:
    """One `step()` is one of the published 50,000."""

    def __init__(self, image: np.ndarray, arch: Arch, device: str = "cpu"):
        self.model = Siren(arch).to(device)
        self.omega = arch.omega_0
        self.coordinates = torch.from_numpy(grid(image.shape)).to(device)
        self.colors = torch.from_numpy(image.reshape(-1, 3)).to(device).float() / 255
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=2e-4)
        self.best_psnr, self.best = -math.inf, self.model.state_dict()

    def forward(self) -> Tensor:
        x = self.coordinates
        *hidden, last = self.model.layers
        for layer in hidden:
            x = torch.sin(self.omega * nn.functional.linear(x, layer.weight, layer.bias))
        return last(x)

    def step(self) -> float:
        self.optimizer.zero_grad()
        loss = nn.functional.mse_loss(self.forward(), self.colors)
        loss.backward()
        self.optimizer.step()
        psnr = -10 * math.log10(loss.item())
        if psnr > self.best_psnr:
            self.best_psnr, self.best = psnr, copy.deepcopy(self.model.state_dict())
        return psnr
