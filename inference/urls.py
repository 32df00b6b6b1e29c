from django.urls import include, path

from inference import views
from inference.breaking import views as breaking
from inference.looking import views as looking
from inference.networks import views as networks
from inference.sharing import views as sharing

app_name = "inference"

urlpatterns = [
    path("traces/", views.traces, name="traces"),
    path("traces/open/", sharing.open_file, name="open"),
    path("traces/compare/", sharing.compare_traces, name="compare"),
    path("traces/<uuid:trace_id>/", views.trace, name="trace"),
    path("traces/<uuid:trace_id>/document", sharing.document, name="document"),
    path("traces/<uuid:trace_id>/photo", sharing.photo, name="photo"),
    path("traces/<uuid:trace_id>/break/", breaking.break_trace, name="break"),
    path("traces/<uuid:trace_id>/look/", looking.look, name="look"),
    path("traces/<uuid:trace_id>/pick", looking.pick, name="pick"),
    path("traces/<uuid:trace_id>/events", views.trace_events, name="events"),
    path("traces/<uuid:trace_id>/cancel", views.cancel, name="cancel"),
    path("traces/<uuid:trace_id>/share", views.share, name="share"),
    path("traces/<uuid:trace_id>/unshare", views.unshare, name="unshare"),
    path("traces/<uuid:trace_id>/delete", views.delete, name="delete"),
    path("traces/<uuid:trace_id>/pictures/<int:index>", views.picture, name="picture"),
    path("traces/<uuid:trace_id>/results/<str:result>/<slug:key>", views.result_file, name="result_file"),
    path("training/", include("inference.training.urls")),
    path("uploads/<uuid:upload_id>", views.upload, name="upload"),
    path("samples/<slug:sample_id>", views.sample, name="sample"),
    path("networks/", networks.networks, name="networks"),
    path("networks/compare/", networks.compare, name="compare_networks"),
    path("networks/measure/", networks.measure, name="measure"),
    path("networks/<slug:network_id>/", networks.network, name="network"),
]
