"""Asking for runs, and who may see, stop, share and forget them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as site
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from inference import facts, jobs, services
from inference.models import Fact, Job, JobState, Trace, Upload
from inference.runs import run_job
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork, photo_bytes, photo_file
from web.problems import Problem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


def ask(owner: User | None, *, sample: str = "chelsea", network: str = NETWORK, **options: object) -> Trace:
    return services.request_trace(owner=owner, network=network, sample=sample, **{"now": NOW, **options})


def ask_for_photo(owner: User, content: bytes | None = None) -> Trace:
    return services.request_photo_trace(owner=owner, network=NETWORK, file=photo_file(content), now=NOW)


def finish(trace: Trace) -> Trace:
    run_job(
        job_id=trace.job_id,
        perform=ImitationNetwork().perform,
        clock=lambda: NOW,
    )
    trace.job.refresh_from_db()
    return trace


def refusal(*arguments: object, **options: object) -> Problem:
    with pytest.raises(Problem) as caught:
        ask(*arguments, **options)
    return caught.value


# --- the same request is the same job -------------------------------------------------------------------------------------


def test_a_new_request_waits_and_is_rung_for(learner: User, bell: list[str], django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        trace = ask(learner)
    assert trace.job.state == JobState.WAITING
    assert bell == [trace.job.network]


def test_who_joins_a_run_that_nobody_was_told_of_rings_for_it(
    learner: User, bell: list[str], django_capture_on_commit_callbacks
) -> None:
    """As when the shipped course asked for it before there was a queue."""
    first = services.request_trace(owner=None, network=NETWORK, sample="chelsea", now=NOW)
    Job.objects.update(rung_at=None)
    for owner in (learner, None):  # the second finds that the first has rung
        with django_capture_on_commit_callbacks(execute=True):
            assert services.request_trace(owner=owner, network=NETWORK, sample="chelsea", now=NOW).job_id == first.job_id
    assert bell == [NETWORK]
    assert Job.objects.get().rung_at == NOW


def test_two_people_who_ask_for_the_same_sample_share_one_run(
    learner: User, guest: User, bell: list[str], django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first, second = ask(learner), ask(guest)
    assert first.pk != second.pk
    assert first.job_id == second.job_id
    assert len(bell) == 1


def test_a_finished_run_answers_at_once(learner: User, guest: User, bell: list[str]) -> None:
    finish(ask(learner))
    trace = ask(guest)
    assert trace.job.state == JobState.DONE
    assert services.present(trace).top_k[0].label == "tiger cat"


def test_a_stored_run_is_shown_by_few_queries_that_read_it_once(learner: User) -> None:
    finish(ask(learner))
    with CaptureQueriesContext(connection) as asked:
        assert services.present(ask(learner)).status == "done"
    selects = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert len(selects) == 5  # the weights, the person, the run, their trace, the title
    assert sum('."document"' in sql for sql in selects) == 1
    assert sum('"inference_fact"' in sql for sql in selects) == 2
    assert all("IN (" in sql for sql in selects if '"inference_fact"' in sql), "no fact is read that nobody needs"


def test_a_double_click_is_one_trace(learner: User) -> None:
    assert ask(learner).pk == ask(learner).pk


def test_asking_again_with_another_prediction_corrects_it_while_it_waits(learner: User) -> None:
    first = ask(learner, prediction="a dog")
    second = ask(learner, prediction="a cat")
    assert first.pk == second.pk
    assert second.prediction == "a cat"


def test_each_prediction_on_a_finished_run_is_kept(learner: User) -> None:
    first = finish(ask(learner, prediction="a dog"))
    second = ask(learner, prediction="a cat")
    assert first.pk != second.pk
    first.refresh_from_db()
    assert first.prediction == "a dog"


@pytest.mark.parametrize(
    "other",
    [{"kind": "look"}, {"network": "resnet50"}, {"weights": "V2"}, {"image_sha256": "b" * 64}, {"options": {"explain": True}}],
)
def test_whatever_decides_the_result_is_part_of_the_key(other: dict[str, object], learner: User) -> None:
    told = {"kind": "trace", "network": NETWORK, "weights": "V1", "image_sha256": "a" * 64, "options": {}, "owner": None}
    assert services.job_key(**told) != services.job_key(**told | other)
    assert services.job_key(**told) != services.job_key(**told | {"owner": learner})
    assert services.job_key(**told) == services.job_key(**dict(reversed(told.items())))


def test_the_order_of_options_changes_no_key() -> None:
    told = {"kind": "trace", "network": NETWORK, "weights": "V1", "image_sha256": "a" * 64, "owner": None}
    assert services.job_key(**told, options={"a": 1, "b": 2}) == services.job_key(**told, options={"b": 2, "a": 1})


def test_new_weights_make_a_new_run(learner: User) -> None:
    before = ask(learner)
    told = facts.facts_of(NETWORK)
    assert told is not None
    facts.store_facts(NETWORK, told | {"weights": {"NEW": {"file": "new.pth"}}, "default_weights": "NEW"}, now=NOW)
    assert ask(learner).job_id != before.job_id


@pytest.mark.parametrize("is_over", [True, False], ids=["finished", "waiting"])
def test_a_run_from_before_the_networks_figures_is_not_run_a_second_time(is_over: bool, learner: User) -> None:
    told = facts.facts_of(NETWORK)
    Fact.objects.all().delete()
    (house, *_others) = services.ensure_house_traces(now=NOW)
    if is_over:
        finish(house)
    facts.store_facts(NETWORK, told, now=NOW)
    again = ask(learner, sample=house.job.sample)
    assert again.job_id == house.job_id
    assert again.job.options == {"weights": "DEFAULT"}
    assert ask(None, sample=house.job.sample).job_id == house.job_id


def test_a_run_that_took_other_weights_before_the_networks_figures_is_another(learner: User) -> None:
    told = facts.facts_of(NETWORK)
    Fact.objects.all().delete()
    house = finish(ask(None))
    facts.store_facts(NETWORK, told | {"weights": {"NEW": {"file": "new.pth"}}, "default_weights": "NEW"}, now=NOW)
    assert ask(learner).job_id != house.job_id


# --- refusals -------------------------------------------------------------------------------------------------------------


def test_unknown_networks_and_samples_are_404(learner: User) -> None:
    assert refusal(learner, network="resnet5000").status == 404
    assert refusal(learner, sample="the-neighbours-cat").status == 404
    assert not Job.objects.exists()


def test_a_network_without_weights_says_which_file_goes_where(learner: User, resnet50_facts: None) -> None:
    problem = refusal(learner, network="resnet50")
    assert problem.status == 409
    for told in ("ResNet-50", "resnet50-11ad3fa6.pth", "WEIGHTS_DIR", "data/weights", "hub/checkpoints"):
        assert told in problem.detail
    assert str(site.WEIGHTS_DIR) not in problem.detail


def test_it_runs_as_soon_as_the_file_is_there(learner: User, resnet50_facts: None) -> None:
    path = Path(site.WEIGHTS_DIR) / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    assert ask(learner, network="resnet50").job.state == JobState.WAITING


def test_either_a_sample_or_an_upload(learner: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    assert refusal(learner, sample="").status == 422
    assert refusal(learner, sample="chelsea", upload=upload).status == 422


def test_the_ninth_waiting_run_is_refused_with_a_sentence(learner: User, guest: User) -> None:
    for number in range(site.TRACE_WAITING_LIMIT):
        upload = services.store_upload(owner=learner, file=photo_file(photo_bytes(size=(40 + number, 40))), now=NOW)
        ask(learner, sample="", upload=upload)
    problem = refusal(learner)
    assert problem.status == 429
    assert int(problem.headers["Retry-After"]) > 0
    assert "8 runs" in problem.detail
    assert ask(guest).job.state == JobState.WAITING
    assert ask(None).job.state == JobState.WAITING


def test_what_finished_or_was_stopped_does_not_count(learner: User, settings) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    finish(ask(learner, sample="chelsea"))
    stopped = ask(learner, sample="coffee")
    assert refusal(learner, sample="rocket").status == 429
    services.cancel_trace(trace=stopped, now=NOW)
    assert ask(learner, sample="rocket").job.state == JobState.WAITING


def test_a_full_line_still_answers_what_is_stored(learner: User, settings) -> None:
    finish(ask(None, sample="chelsea"))
    settings.TRACE_WAITING_LIMIT = 0
    assert ask(learner, sample="chelsea").job.state == JobState.DONE


def test_at_the_limit_a_photo_that_ran_before_is_answered_from_the_store(learner: User, settings) -> None:
    trace = finish(ask_for_photo(learner))
    settings.TRACE_WAITING_LIMIT = 0
    assert ask_for_photo(learner) == trace


def test_at_the_limit_a_photo_that_waits_already_is_the_same_trace(learner: User, settings) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    assert ask_for_photo(learner) == ask_for_photo(learner)


def test_at_the_limit_a_new_photo_is_refused_and_not_kept(learner: User, settings) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    ask_for_photo(learner)
    with pytest.raises(Problem) as caught:
        ask_for_photo(learner, photo_bytes(size=(80, 60)))
    assert caught.value.status == 429
    assert Upload.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_requests_of_the_same_moment_do_not_pass_the_limit_together(
    learner: User, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    count_waiting = services._refuse_above_limit

    def count_slowly(owner: User | None) -> None:
        count_waiting(owner)
        time.sleep(0.3)

    def status_of(sample: str) -> int:
        try:
            ask(learner, sample=sample)
        except Problem as problem:
            return problem.status
        finally:
            connection.close()
        return 202

    monkeypatch.setattr(services, "_refuse_above_limit", count_slowly)
    with ThreadPoolExecutor() as people:
        assert sorted(people.map(status_of, ["chelsea", "coffee", "rocket"])) == [202, 429, 429]
    assert Trace.objects.count() == 1


# --- stopping -------------------------------------------------------------------------------------------------------------


def test_stopping_the_only_trace_cancels_the_job(learner: User) -> None:
    trace = ask(learner)
    services.cancel_trace(trace=trace, now=NOW)
    assert trace.job.state == JobState.CANCELLED
    assert services.present(trace).status == "cancelled"


def test_stopping_ones_own_trace_leaves_the_others(learner: User, guest: User) -> None:
    mine, theirs = ask(learner), ask(guest)
    services.cancel_trace(trace=mine, now=NOW)
    theirs.refresh_from_db()
    assert services.present(mine).status == "cancelled"
    assert services.present(theirs).status == "queued"
    services.cancel_trace(trace=theirs, now=NOW)
    assert theirs.job.state == JobState.CANCELLED


def test_what_has_finished_can_not_be_stopped(learner: User) -> None:
    trace = finish(ask(learner))
    services.cancel_trace(trace=trace, now=NOW)
    assert services.present(trace).status == "done"


def test_asking_again_after_stopping_waits_again(learner: User, bell: list[str], django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first = ask(learner)
        services.cancel_trace(trace=first, now=NOW)
        second = ask(learner)
    assert second.pk != first.pk
    assert second.job_id == first.job_id
    assert services.present(second).status == "queued"
    assert services.present(first).status == "cancelled"
    assert len(bell) == 2


# --- looking and sharing --------------------------------------------------------------------------------------------------


def test_only_the_owner_sees_a_trace(learner: User, guest: User) -> None:
    trace = ask(learner)
    assert services.trace_for(trace_id=trace.pk, person=learner) == trace
    for person in (guest, None):
        with pytest.raises(Problem) as caught:
            services.trace_for(trace_id=trace.pk, person=person)
        assert caught.value.status == 404
    with pytest.raises(Problem):
        services.trace_for(trace_id=uuid4(), person=learner)


def test_the_houses_own_traces_are_everybodys(guest: User) -> None:
    trace = ask(None)
    assert services.trace_for(trace_id=trace.pk, person=None) == trace
    with pytest.raises(Problem):
        services.own_trace(trace_id=trace.pk, person=None)


def test_a_shared_trace_opens_by_its_token_and_by_no_other(learner: User, guest: User) -> None:
    trace = ask(learner)
    token = services.share_trace(trace=trace)
    assert services.share_trace(trace=trace) == token
    assert services.trace_for(trace_id=trace.pk, person=None, share_token=token) == trace
    for wrong in ("", "x" * 43, token[:-1], "é"):
        with pytest.raises(Problem):
            services.trace_for(trace_id=trace.pk, person=guest, share_token=wrong)
    with pytest.raises(Problem):
        services.own_trace(trace_id=trace.pk, person=guest)
    services.unshare_trace(trace=trace, now=NOW)
    with pytest.raises(Problem):
        services.trace_for(trace_id=trace.pk, person=None, share_token=token)


def test_whoever_has_the_link_sees_no_controls_and_not_the_whole_photo(learner: User, guest: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    trace = finish(ask(learner, sample="", upload=upload))
    token = services.share_trace(trace=trace)
    theirs = services.present(trace, person=guest, share_token=token)
    assert theirs.cancel_url == theirs.photo.url == theirs.shared_url == ""
    assert all(f"share={token}" in url for url in (theirs.url, theirs.events_url, *theirs.pictures))
    own = services.present(trace, person=learner)
    assert own.photo.url
    assert own.shared_url.endswith(f"?share={token}")


# --- uploads --------------------------------------------------------------------------------------------------------------


def test_the_same_photo_of_one_person_is_kept_once(learner: User, guest: User) -> None:
    first = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    again = services.store_upload(owner=learner, file=photo_file(name="other-name.png"), now=NOW + timedelta(days=1))
    other = services.store_upload(owner=guest, file=photo_file(), now=NOW)
    assert first == again
    assert first != other
    assert Upload.objects.get(pk=first.pk).expires_at == NOW + timedelta(days=31)


def test_the_same_photo_of_two_people_is_two_runs(learner: User, guest: User) -> None:
    traces = [
        ask(person, sample="", upload=services.store_upload(owner=person, file=photo_file(), now=NOW))
        for person in (learner, guest)
    ]
    assert traces[0].job_id != traces[1].job_id


def test_nobody_runs_or_opens_another_persons_photo(learner: User, guest: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    assert refusal(guest, sample="", upload=upload).status == 404
    assert services.upload_for(upload_id=upload.pk, person=learner) == upload
    for person in (guest, None):
        with pytest.raises(Problem) as caught:
            services.upload_for(upload_id=upload.pk, person=person)
        assert caught.value.status == 404


def test_what_was_done_to_a_photo_is_recorded(learner: User) -> None:
    content = photo_bytes("PNG", mode="L")
    upload = services.store_upload(owner=learner, file=photo_file(content), now=NOW)
    assert upload.original == {"format": "PNG", "mode": "L", "width": 64, "height": 48, "bytes": len(content), "changes": []}


def test_a_refused_photo_is_a_422_with_a_sentence_and_leaves_nothing(learner: User) -> None:
    with pytest.raises(Problem) as caught:
        services.store_upload(owner=learner, file=photo_file(b"<svg/>"), now=NOW)
    assert caught.value.status == 422
    assert "SVG" in caught.value.detail
    assert not Upload.objects.exists()


def test_a_photo_above_the_limit_is_a_413(learner: User, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    with pytest.raises(Problem) as caught:
        services.store_upload(owner=learner, file=photo_file(photo_bytes("BMP")), now=NOW)
    assert caught.value.status == 413


def test_a_full_disk_is_a_507_that_says_what_to_do_and_keeps_nothing(learner: User, full_disk: None) -> None:
    with pytest.raises(Problem) as caught:
        services.store_upload(owner=learner, file=photo_file(), now=NOW)
    assert caught.value.status == 507
    assert "MEDIA_DIR" in caught.value.detail
    assert not Upload.objects.exists()
    assert files_below("uploads") == []


def test_a_folder_that_can_not_be_written_is_a_507(learner: User, settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "media"  # not even the superuser can make a folder below a file
    with pytest.raises(Problem) as caught:
        services.store_upload(owner=learner, file=photo_file(), now=NOW)
    assert caught.value.status == 507
    assert not Upload.objects.exists()


# --- forgetting -----------------------------------------------------------------------------------------------------------


def files_below(folder: str) -> list[str]:
    try:
        return default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return []


def test_after_thirty_days_a_trace_goes_with_its_run_pictures_and_photo(learner: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    trace = finish(ask(learner, sample="", upload=upload))
    assert len(files_below(f"traces/{trace.job_id}")) == 2
    assert services.expire(now=NOW + timedelta(days=29)) == 0
    assert services.expire(now=NOW + timedelta(days=30)) == 1
    assert not Trace.objects.exists()
    assert not Job.objects.exists()
    assert not Upload.objects.exists()
    assert files_below(f"traces/{trace.job_id}") == files_below("uploads") == []


def test_shared_and_pinned_traces_stay_with_their_photo(learner: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    shared = finish(ask(learner, sample="", upload=upload))
    services.share_trace(trace=shared)
    house = finish(ask(None, sample="coffee"))
    services.expire(now=NOW + timedelta(days=400))
    assert set(Trace.objects.all()) == {shared, house}
    assert default_storage.exists(str(upload.file.name))
    services.unshare_trace(trace=shared, now=NOW + timedelta(days=400))
    services.expire(now=NOW + timedelta(days=429))
    assert Trace.objects.filter(pk=shared.pk).exists()
    services.expire(now=NOW + timedelta(days=430))
    assert not Trace.objects.filter(pk=shared.pk).exists()


def test_a_run_stays_while_somebody_elses_trace_shows_it(learner: User, guest: User) -> None:
    finish(ask(learner))
    theirs = ask(guest, now=NOW + timedelta(days=10))
    services.expire(now=NOW + timedelta(days=31))
    assert list(Trace.objects.all()) == [theirs]
    assert services.present(theirs).status == "done"


def test_deleting_a_trace_stops_it_and_removes_what_only_it_needed(learner: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    trace = ask(learner, sample="", upload=upload)
    services.delete_trace(trace=trace, now=NOW)
    assert not Job.objects.exists()
    assert not Upload.objects.exists()


def test_deleting_one_of_two_traces_keeps_the_photo_that_the_other_needs(learner: User, resnet50_facts: None) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    first = finish(ask(learner, sample="", upload=upload, prediction="a"))
    second = ask(learner, sample="", upload=upload, prediction="b")
    services.delete_trace(trace=first, now=NOW)
    assert services.present(second).status == "done"
    assert default_storage.exists(str(upload.file.name))


# --- the house ------------------------------------------------------------------------------------------------------------


def test_the_house_asks_for_every_sample_once() -> None:
    asked = services.ensure_house_traces(now=NOW)
    assert {trace.job.sample for trace in asked} == {"chelsea", "coffee", "rocket", "astronaut", "flower", "china"}
    for trace in services.ensure_house_traces(now=NOW):
        finish(trace)
    assert services.ensure_house_traces(now=NOW) == []
    assert Trace.objects.count() == 6
    stored = services.stored_trace(network=NETWORK, sample="chelsea")
    assert stored is not None
    assert stored.owner is None
    assert services.expire(now=NOW + timedelta(days=4000)) == 0


def test_no_stored_trace_before_it_has_run() -> None:
    ask(None)
    assert services.stored_trace(network=NETWORK, sample="chelsea") is None


def test_a_learners_own_trace_is_not_the_houses(learner: User) -> None:
    finish(ask(learner))
    assert services.stored_trace(network=NETWORK, sample="chelsea") is None


def test_a_failed_run_can_be_asked_for_again_with_all_its_attempts(learner: User, settings) -> None:
    trace = ask(learner)
    for _attempt in range(site.TRACE_ATTEMPTS):
        assert jobs.take(job_id=trace.job_id, holder="dead", now=NOW) is not None
        jobs.reap(now=NOW + timedelta(minutes=5))
    trace.refresh_from_db()
    assert services.present(trace).status == "failed"
    again = ask(learner, now=NOW + timedelta(minutes=6))
    assert again.job.state == JobState.WAITING
    assert again.job.attempts_allowed == again.job.attempts + site.TRACE_ATTEMPTS
    assert services.present(again).error == ""
