"""A model that is wrong gets a status and one sentence; one that is unusual but right gets none."""

import builtins
import random
import re
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import adam, optimizer

from benchmark.training import fit, inspection

RECIPE = fit.recipe_from(
    {
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "optimizer": "adam",
        "weight_decay": 0.0,
        "schedule": "constant",
        "precision": "float32",
        "inputs": "standardised",
        "head": "classes",
        "evaluate": [2],
        "attacks": [],
        "representations": 0,
        "max_parameters": 1000,
        "drop_last": False,
    }
)
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (30, 6, 6, 1)).astype(np.uint8)
LABELS = np.arange(30) % 2
DATA = fit.Data(IMAGES[:20], LABELS[:20], IMAGES[20:25], LABELS[20:25], IMAGES[25:], 2)


class Linear(nn.Module):
    """Logistic regression, with a place for something wrong."""

    def __init__(self, pixels=36, outputs=2):
        super().__init__()
        self.linear = nn.Linear(pixels, outputs)

    def forward(self, images):
        return self.linear(images.flatten(1))


def train(build, **declared):
    return fit.train(build, DATA, RECIPE, 1, "cpu", **declared)


def error_of(build, **declared):
    with pytest.raises(fit.ModelError) as raised:
        train(build, **declared)
    message = str(raised.value)
    assert message
    assert "\n" not in message
    return raised.value.status, message


def with_forward(forward):
    """A build of `Linear` whose forward is replaced."""
    return lambda *_: type("Model", (Linear,), {"forward": forward})()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda *_: None, "build returned None: return a torch.nn.Module"),
        (lambda *_: Linear, "build returned an object of type type: return a torch.nn.Module"),
        (lambda *_: Linear(outputs=3), r"outputs of shape \[4, 3\]: expected \[4, 2\]"),
        (with_forward(lambda self, images: self.linear(images.flatten(1)).T), r"outputs of shape \[2, 4\]: expected"),
        (with_forward(lambda self, images: [1]), r"returned an object of type list: return one tensor \[4, 2\]"),
        (
            with_forward(lambda self, images: self.linear(images.flatten(1)).round().int()),
            "returned torch.int32: return floating-point logits",
        ),
        (lambda *_: nn.Flatten(), "no parameters that require a gradient, so nothing can be trained: set fits_itself"),
        (lambda *_: Linear().requires_grad_(False), "no parameters that require a gradient"),
        (lambda *_: Linear().double(), "linear.weight is torch.float64: all parameters must be torch.float32"),
        (lambda *_: nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), "1.weight has no shape yet: .*lazy modules"),
        (
            with_forward(lambda self, images: functional.dropout(self.linear(images.flatten(1)), 0.5)),
            "not deterministic in evaluation mode: two forwards of the same images differ",
        ),
        (
            with_forward(lambda self, images: self.train().linear(images.flatten(1))),
            "layer model is in training mode after a forward in evaluation mode",
        ),
    ],
)
def test_model_that_is_invalid(build, message):
    status, found = error_of(build)
    assert status == "invalid"
    assert re.search(message, found)


def test_outputs_are_checked_in_training_too():
    def forward(self, images):
        outputs = self.linear(images.flatten(1))
        return (outputs, outputs) if self.training else outputs

    assert error_of(with_forward(forward)) == (
        "invalid",
        "the model returned an object of type tuple: return one tensor [8, 2]",
    )


def test_too_many_parameters():
    status, message = error_of(lambda *_: Linear(outputs=28))
    assert (status, message) == ("refused", "the model has 1,036 parameters: at most 1,000 are allowed")


def test_shared_parameters_count_once():
    class Tied(Linear):
        def __init__(self):
            super().__init__()
            self.wide = nn.Linear(36, 25, bias=False)
            self.same = self.wide

    assert train(lambda *_: Tied()).parameters == 974


def test_builds_that_read_global_state():
    built = []

    def build(*_):
        model = Linear()
        with torch.no_grad():
            model.linear.bias.fill_(len(built))
        built.append(model)
        return model

    status, message = error_of(build)
    assert status == "refused"
    assert message.startswith("two builds under one seed differ in linear.bias: ")


def test_builds_with_different_layers():
    built = []

    def build(*_):
        built.append(nn.Sequential(nn.Flatten(), nn.Linear(36, 2), *[nn.Linear(2, 2)] * len(built)))
        return built[-1]

    assert error_of(build) == ("refused", "two builds under one seed differ: only the second has 2.weight")


def test_generators_of_python_and_numpy_are_seeded_too():
    def build(*_):
        model = Linear()
        with torch.no_grad():
            model.linear.bias.copy_(torch.tensor([random.random(), np.random.rand()]))  # noqa: NPY002
        return model

    np.testing.assert_array_equal(train(build).test, train(build).test)


def carried_in(*_):
    model = Linear()
    with torch.no_grad():
        model.linear.weight.copy_(torch.linspace(-1, 1, 72).view(2, 36))
    return model


def test_weights_that_are_carried_in():
    status, message = error_of(carried_in)
    assert status == "refused"
    assert "linear.weight does not depend on the seed, so its weights were carried in" in message
    assert "(pretrained)" in message
    assert train(carried_in, pretrained=True).steps == 6


def test_patterns_and_buffers_may_be_fixed():
    """Identities, gates and tables are no learned weights."""

    class Patterned(Linear):
        def __init__(self):
            super().__init__()
            self.mix = nn.Parameter(torch.eye(2))
            self.register_buffer("table", torch.arange(100.0))

        def forward(self, images):
            return super().forward(images) @ self.mix

    assert train(lambda *_: Patterned()).steps == 6


def test_outputs_that_depend_on_the_batch():
    def forward(self, images):
        outputs = self.linear(images.flatten(1))
        return outputs - outputs.mean(0)

    status, message = error_of(with_forward(forward))
    assert status == "refused"
    assert message.startswith("in evaluation mode the outputs for an image depend on the other images of its batch")


def test_batch_statistics_in_evaluation():
    build = lambda *_: nn.Sequential(  # noqa: E731
        nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 2)
    )
    status, message = error_of(build)
    assert status == "invalid"
    assert message.startswith("the model takes a batch of images, but not one image alone: Expected more than 1 value")


def test_model_is_looked_at_after_training_too():
    def forward(self, images):
        outputs = self.linear(images.flatten(1))
        self.trained = getattr(self, "trained", False) or self.training
        return outputs - outputs.mean(0) if self.trained and not self.training else outputs

    assert error_of(with_forward(forward))[0] == "refused"


def test_loss_that_is_not_finite():
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + self.training
        return self.linear(images.flatten(1)) * (float("nan") if self.calls > 3 else 1.0)

    status, message = error_of(with_forward(forward))
    assert status == "failed"
    assert message.startswith("the training loss is nan in epoch 2 with learning rate 0.01: ")


def test_outputs_that_are_not_finite():
    def forward(self, images):
        self.trained = getattr(self, "trained", False) or self.training
        outputs = self.linear(images.flatten(1))
        return outputs / 0 if self.trained and not self.training else outputs

    assert error_of(with_forward(forward)) == (
        "failed",
        "outputs for the test images are not finite after epoch 2",
    )


def test_gradient_hooks():
    def build(*_):
        model = Linear()
        model.linear.weight.register_hook(lambda gradient: 10 * gradient)
        return model

    assert error_of(build) == (
        "refused",
        "the gradient of linear.weight has a hook: gradients belong to the trainer",
    )


def test_gradient_hooks_set_in_training():
    def forward(self, images):
        if self.training and not hasattr(self, "handle"):
            self.handle = self.linear.bias.register_post_accumulate_grad_hook(lambda parameter: None)
        return self.linear(images.flatten(1))

    assert error_of(with_forward(forward))[0] == "refused"


def test_fits_itself_without_a_fit():
    assert error_of(lambda *_: Linear(), fits_itself=True) == (
        "invalid",
        "submission.toml says fits_itself, but the model has no method fit",
    )


def test_what_a_model_raises_passes_through():
    def build(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(build)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(lambda *_: Linear(pixels=35))


def another(*arguments, **keywords):
    """Stands in for a function of the trainer."""
    raise AssertionError("must not be called")


CHANGED = {
    "torch.optim.Adam.step": (torch.optim.Adam, "step"),
    "torch.optim.Optimizer.zero_grad": (torch.optim.Optimizer, "zero_grad"),
    "torch.optim.adam.adam": (adam, "adam"),
    "torch.nn.functional.cross_entropy": (functional, "cross_entropy"),
    "torch.autograd.backward": (torch.autograd, "backward"),
    "torch.Tensor.backward": (torch.Tensor, "backward"),
    "torch.Tensor.index_select": (torch.Tensor, "index_select"),
    "torch.Module.__call__": (nn.Module, "__call__"),
    "torch.Module.eval": (nn.Module, "eval"),
    "torch.randperm": (torch, "randperm"),
    "torch.manual_seed": (torch, "manual_seed"),
    "benchmark.training.fit.learning_rate_at": (fit, "learning_rate_at"),
    "benchmark.training.fit.EVALUATED_VALUES": (fit, "EVALUATED_VALUES"),
    "benchmark.training.inspection.check_evaluation": (inspection, "check_evaluation"),
    "benchmark.training.network.Network.outputs": (fit.Network, "outputs"),
    "time.perf_counter": (time, "perf_counter"),
    "numpy.sqrt": (np, "sqrt"),
    "builtins.abs": (builtins, "abs"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_trainer_that_is_changed(name):
    before = inspection.fingerprint()
    inspection.check_unchanged(before)
    with pytest.MonkeyPatch.context() as patch:
        holder, attribute = CHANGED[name]
        patch.setattr(holder, attribute, another, raising=False)
        with pytest.raises(fit.ModelError) as raised:
            inspection.check_unchanged(before)
    assert raised.value.status == "refused"
    assert str(raised.value) == f"the submission changed {name}, on which the trainer relies"
    inspection.check_unchanged(before)


def test_code_that_is_changed():
    """The function stays the same object."""
    before, code = inspection.fingerprint(), fit.batches.__code__
    fit.batches.__code__ = another.__code__
    try:
        with pytest.raises(fit.ModelError, match=r"the submission changed benchmark\.training\.fit\.batches"):
            inspection.check_unchanged(before)
    finally:
        fit.batches.__code__ = code


def test_trainer_that_is_changed_while_building():
    with pytest.MonkeyPatch.context() as patch:

        def build(*_):
            patch.setattr(torch.optim.Adam, "step", another)
            return Linear()

        status, message = error_of(build)
    assert status == "refused"
    assert "torch.optim.Adam.step" in message


def test_trainer_that_is_changed_in_training():
    with pytest.MonkeyPatch.context() as patch:

        def forward(self, images):
            if self.training:
                patch.setattr(fit, "learning_rate_at", lambda recipe, step, steps: 0.5)
            return self.linear(images.flatten(1))

        status, message = error_of(with_forward(forward))
    assert status == "refused"
    assert "benchmark.training.fit.learning_rate_at" in message


SETTINGS = {
    "the default dtype": lambda: torch.set_default_dtype(torch.float64),
    "whether gradients are recorded": lambda: torch.set_grad_enabled(False),
    "whether algorithms are deterministic": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "the precision of products": lambda: torch.set_float32_matmul_precision("medium"),
    "the hooks of all modules": lambda: nn.modules.module.register_module_forward_hook(lambda *_: None),
    "the hooks of all optimizers": lambda: optimizer.register_optimizer_step_pre_hook(lambda *_: None),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_changed(name):
    kept = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )
    handle = None

    def build(*_):
        nonlocal handle
        model = Linear().float()
        handle = SETTINGS[name]()
        return model

    try:
        status, message = error_of(build)
    finally:
        torch.set_default_dtype(kept[0])
        torch.set_grad_enabled(kept[1])
        torch.backends.cudnn.benchmark = kept[2]
        torch.set_float32_matmul_precision(kept[3])
        if hasattr(handle, "remove"):
            handle.remove()
    assert status == "refused"
    assert message == f"the submission changed {name}, on which the trainer relies"


def test_threads_are_put_back():
    threads = torch.get_num_threads()
    during = []

    def build(*_):
        torch.set_num_threads(threads + 1)
        return with_forward(forward)()

    def forward(self, images):
        during.append(torch.get_num_threads())
        return self.linear(images.flatten(1))

    train(build)
    assert set(during) == {threads}
    assert torch.get_num_threads() == threads


def test_training_changes_nothing_of_the_trainer():
    """Nor do the libraries that submissions import."""
    before = inspection.fingerprint()
    import sklearn.ensemble  # noqa: F401
    import torchvision.models  # noqa: F401

    train(lambda *_: Linear())
    inspection.check_unchanged(before)
