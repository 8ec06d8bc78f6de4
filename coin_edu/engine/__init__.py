"""One step of a fit, made fast. `coin_edu.plain` is the same step in plain torch.

- `batch.py`: K networks stepping together, their pixels in chunks that stay in a core's cache.
- `backprop.py`: the gradient, written out.
- `sampling.py`: which pixels a step looks at.
- `optimizer.py`: what the weights do with a gradient.
- `state.py`: a fit at one moment, saved and read back.
- `device.py`: which device, and one Python thread a core.
"""
