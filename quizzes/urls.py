from django.urls import path

from quizzes import grade_views, report_views, views
from quizzes.beforehand import views as beforehand

app_name = "quizzes"
urlpatterns = [
    path("me/progress/", views.progress, name="progress"),
    path("me/grades/", grade_views.grades, name="grades"),
    path("quizzes/<int:quiz_id>/attempts/", views.start, name="start"),
    path("quizzes/<int:quiz_id>/skip/", beforehand.skip, name="skip"),
    path("quizzes/<int:quiz_id>/predictions/<slug:mode>/", beforehand.prediction, name="prediction"),
    path("quizzes/<int:quiz_id>/predictions/<slug:mode>/outcome/", beforehand.outcome, name="outcome"),
    path("attempts/<uuid:attempt_id>/", views.attempt, name="attempt"),
    path("attempts/<uuid:attempt_id>/clock/", views.clock, name="clock"),
    path("attempts/<uuid:attempt_id>/finish/", views.finish, name="finish"),
    path("attempts/<uuid:attempt_id>/results/", views.results, name="results"),
    path("attempts/<uuid:attempt_id>/redo/", views.redo, name="redo"),
    path("attempts/<uuid:attempt_id>/<int:position>/", views.question, name="question"),
    path("attempts/<uuid:attempt_id>/<int:position>/draft/", views.draft, name="draft"),
    path("attempts/<uuid:attempt_id>/<int:position>/hint/", views.hint, name="hint"),
    path("attempts/<uuid:attempt_id>/<int:position>/steps/", views.step, name="step"),
    path("attempts/<uuid:attempt_id>/<int:position>/another/", views.another, name="another"),
    path("attempts/<uuid:attempt_id>/<int:position>/report/", report_views.report, name="report"),
]
