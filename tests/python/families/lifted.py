"""transformers wholly in float64.

A float64 model of transformers still computes norms, softmax and rotary angles in fp32, because its
code says so. Under Lifted every request for fp32 is one for float64, also in the constructors that make
the rotary tables, so that the reference holds none of the rounding that ours is judged by.
"""

import torch
from torch.overrides import TorchFunctionMode


class Lifted(TorchFunctionMode):
    def __enter__(self):
        self._default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        return super().__enter__()

    def __exit__(self, *error):
        torch.set_default_dtype(self._default)
        return super().__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            return args[0].double()
        args = tuple(torch.float64 if a is torch.float32 else a for a in args)
        kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in (kwargs or {}).items()}
        return function(*args, **kwargs)
