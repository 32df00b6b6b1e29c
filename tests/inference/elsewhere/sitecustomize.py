"""Read by every Python process that has this folder on its PYTHONPATH: ResNet-18's weights are published elsewhere.

Only the library's own record says otherwise, as if its authors had published another file. All of the house runs as it is.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class Elsewhere(MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == "torchvision.models.resnet" else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            module.ResNet18_Weights.IMAGENET1K_V1.value.url = os.environ["TEST_RESNET18_URL"]

        spec.loader.exec_module = execute_and_change
        return spec


sys.meta_path.insert(0, Elsewhere())
