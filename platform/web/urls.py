from django.urls import path
from django.views.i18n import set_language

from web import views

app_name = "web"
urlpatterns = [
    path("favicon.ico", views.favicon),
    path("plans/", views.plans_page, name="plans"),
    path("developers/", views.api_page, name="api"),
    path("theme/", views.theme, name="theme"),
    path("language/", set_language, name="language"),
]
