"""One step of a fit, made fast. `coin_edu.plain` is the same step in plain torch.

- `start.py`: how a fit begins, or goes on.
- `batch.py`: K networks stepping together.
- `sampling.py`: which pixels a step looks at.
- `pixels.py`: the gradient over them, in chunks that stay in a core's cache.
- `backprop.py`: the gradient of one chunk, written out.
- `optimizer.py`: what the weights do with the gradient.
- `state.py`: a fit at one moment, saved and read back.
- `device.py`: which device, and one Python thread a core.
- `modes.py`, `progress.py`: around a fit, torch's modes as they are by default; its bar, and what Ctrl-C ends.
"""
