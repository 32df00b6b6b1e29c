"""Where every address of the site is handed to its room."""

from django.contrib import admin
from django.urls import include, path

from config.api import api

urlpatterns = [
    path("", include("lessons.urls")),
    path("", include("inference.urls")),
    path("", include("quizzes.urls")),
    path("", include("quizzes.misconceptions.urls")),
    path("", include("quizzes.reviewing.urls")),
    path("", include("accounts.urls")),
    path("", include("operations.urls")),
    path("", include("web.urls")),
    path("studio/", include("studio.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
]

handler400 = "web.views.bad_request"
handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"
handler500 = "web.views.server_error"
