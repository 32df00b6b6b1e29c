from django.urls import path

from quizzes.misconceptions import views

app_name = "misconceptions"
urlpatterns = [
    path("courses/<slug:course>/misconceptions/", views.misconceptions, name="list"),
    path("courses/<slug:course>/misconceptions/<slug:slug>/", views.misconception, name="misconception"),
]
