"""PyTorch in a Python of its own: `python3 torch_peer.py cases.npz answers.npz`, with nothing of akid's.

A case N is a line of Python under the key ``N`` and float arrays under ``N/name``, besides ``N/gradient``, what is
handed back. The answer has the value of the line under ``N``, and the derivatives by its arrays under ``N/name``.
A case ``N`` with ``N/steps`` is an optimiser of the parameters ``N/p``, given the gradients one after another.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812


def first(x):
    """Channels first, as torch wants them."""
    return x.permute(0, 3, 1, 2)


def last(x):
    """Channels last, as akid has them."""
    return x.permute(0, 2, 3, 1)


NAMES = {"F": F, "torch": torch, "first": first, "last": last}


def of_layer(line, arrays):
    """The value of the line, and its derivatives."""
    gradient = torch.tensor(arrays.pop("gradient"))
    given = {name: torch.tensor(array, requires_grad=array.dtype.kind == "f") for name, array in arrays.items()}
    value = eval(line, {**NAMES, **given})
    value.backward(gradient)
    return value, {name: tensor.grad for name, tensor in given.items() if tensor.grad is not None}


def of_optimiser(line, arrays):
    """The parameters after the steps."""
    parameters = torch.tensor(arrays["p"], requires_grad=True)
    optimiser = eval(line, {**NAMES, "p": parameters})
    for gradient in arrays["steps"]:
        parameters.grad = torch.tensor(gradient)
        optimiser.step()
    return parameters, {}


def main(cases, answers):
    """Answer all cases of a file in another one."""
    given, out = np.load(cases), {}
    for number in {name for name in given.files if "/" not in name}:
        arrays = {name.partition("/")[2]: given[name] for name in given.files if name.startswith(number + "/")}
        value, derivatives = (of_optimiser if "steps" in arrays else of_layer)(str(given[number]), arrays)
        out[number] = value.detach().numpy()
        out.update({f"{number}/{name}": tensor.numpy() for name, tensor in derivatives.items()})
    np.savez(answers, **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
