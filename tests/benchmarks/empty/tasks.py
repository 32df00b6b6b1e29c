from celery import shared_task

from inference.connections import client


@shared_task(name="empty.run")
def run(*, key: str) -> None:
    """Says that it was here, and nothing else."""
    client().lpush(key, "here")
