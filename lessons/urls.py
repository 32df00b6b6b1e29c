from django.urls import path

from lessons import views

app_name = "lessons"
urlpatterns = [
    path("", views.home, name="home"),
    path("courses/<slug:course>/", views.course, name="course"),
    path("courses/<slug:course>/lessons/<slug:lesson>/", views.lesson, name="lesson"),
    path("courses/<slug:course>/lessons/<slug:lesson>/pictures/<str:sha256>/<str:name>", views.picture, name="picture"),
    path(
        "courses/<slug:course>/lessons/<slug:lesson>/films/<int:number>/<str:name>/<int:index>",
        views.film_picture,
        name="film_picture",
    ),
    path("courses/<slug:course>/lessons/<slug:lesson>/<slug:mode>/", views.mode, name="mode"),
    path("lessons/<slug:lesson>/", views.lesson_by_slug, name="lesson_by_slug"),
]
