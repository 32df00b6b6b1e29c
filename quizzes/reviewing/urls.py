from django.urls import path

from quizzes.reviewing import views

app_name = "reviewing"
urlpatterns = [
    path("me/review/", views.overview, name="overview"),
    path("me/review/start/", views.start, name="start"),
    path("me/review/cards/<int:card_id>/", views.card, name="card"),
    path("me/review/<uuid:sitting_id>/", views.sitting, name="sitting"),
    path("me/review/<uuid:sitting_id>/next/", views.next_card, name="next"),
    path("me/review/<uuid:sitting_id>/end/", views.end, name="end"),
    path("me/review/<uuid:sitting_id>/<int:position>/", views.insight, name="insight"),
    path("attempts/<uuid:attempt_id>/<int:position>/review/", views.question_card, name="question_card"),
]
