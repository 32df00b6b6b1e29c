from django.apps import AppConfig


class WebConfig(AppConfig):
    """The frame of every page: base templates, components, CSS, the few ES modules, problems."""

    name = "web"
    default_auto_field = "django.db.models.BigAutoField"
