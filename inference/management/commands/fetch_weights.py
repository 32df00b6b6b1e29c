"""`manage.py fetch_weights`: trained weights from their publisher into WEIGHTS_DIR, with a progress bar.

The engine's command line does it, in a process of its own: nothing else here loads torch.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from inference.facts import engine_environment


class Command(BaseCommand):
    help = (
        "Download the weights of networks into WEIGHTS_DIR. What came before is taken up, the file is held to the hash in its"
        " name. WEIGHTS_MIRROR names another place to get all files from; HTTPS_PROXY is heeded."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("networks", nargs="+", metavar="NAME", help="networks: resnet50 vit_b_16 …")
        parser.add_argument("--weights", default="", metavar="V", help="by name (IMAGENET1K_V1); else the default ones")

    def handle(self, *args: Any, **options: Any) -> None:
        command = [sys.executable, "-m", "inference.engine", "fetch", *options["networks"], "--weights", options["weights"]]
        engine = subprocess.Popen(command, cwd=settings.ROOT, env=engine_environment())
        try:
            status = engine.wait()
        except KeyboardInterrupt:  # the terminal has told the engine as well; it says what is kept
            engine.send_signal(signal.SIGINT)
            status = engine.wait()
        if status:
            sys.exit(status if status > 0 else 128 - status)
