import os
import signal
import time

from django.apps import AppConfig

from inference.contracts import Event


class SlowConfig(AppConfig):
    name = "tests.inference.slow"
    label = "slow"

    def ready(self) -> None:
        from inference.runs import Recorder

        keep = Recorder.__call__
        pause = float(os.environ.get("TEST_STAGE_SECONDS", "0"))
        deadly = os.environ.get("TEST_DEADLY_SAMPLE", "")

        def keep_slowly(self: Recorder, event: Event) -> None:
            keep(self, event)
            if deadly and self.job.sample == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(pause)

        Recorder.__call__ = keep_slowly  # type: ignore[method-assign]
