"""What a load balancer, a supervisor and Prometheus ask of the site."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import health
from operations.metrics import may_read_metrics, render_metrics


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process can answer at all; asks nothing else."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database, Redis and a warm worker are there, else 503; the body says which of them is not."""
    checks = health.readiness()
    ready = all(check.ok for check in checks)
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in checks},
    }
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for this machine itself or a caller with METRICS_TOKEN; 403 for everyone else."""
    if not may_read_metrics(request):
        return HttpResponse(
            "Ask from this machine, or send METRICS_TOKEN as a bearer token.\n", status=403, content_type="text/plain"
        )
    content, content_type = render_metrics()
    return HttpResponse(content, content_type=content_type)
