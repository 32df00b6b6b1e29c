"""The addresses of training; inference.urls takes them into its own names."""

from django.urls import path

from inference.training import views

urlpatterns = [
    path("", views.training, name="training"),
    path("compare/", views.compare, name="training_compare"),
    path("<uuid:trace_id>/", views.training_run, name="training_run"),
    path("<uuid:trace_id>/events", views.training_events, name="training_events"),
    path("<uuid:trace_id>/head", views.head, name="head"),
    path("<uuid:trace_id>/keep", views.keep, name="keep_head"),
    path("<uuid:trace_id>/try", views.try_head, name="try_head"),
    path("trials/<uuid:trace_id>/", views.trial, name="trial"),
    path("photos/", views.create_photo_set, name="create_photo_set"),
    path("photos/<uuid:set_id>/", views.photo_set, name="photo_set"),
    path("photos/<uuid:set_id>/add", views.add_photos, name="add_photos"),
    path("photos/<uuid:set_id>/delete", views.delete_photo_set, name="delete_photo_set"),
    path("photos/one/<uuid:photo_id>", views.set_photo, name="set_photo"),
    path("photos/one/<uuid:photo_id>/remove", views.remove_photo, name="remove_photo"),
]
