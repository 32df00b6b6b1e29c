from django.apps import AppConfig


class EmptyConfig(AppConfig):
    name = "tests.benchmarks.empty"
    label = "empty"
