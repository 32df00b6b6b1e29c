"""Live events: told as they happen, resumed by id, and from the database when Redis is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site
from django.test import AsyncClient
from django.urls import reverse

from accounts.models import User
from inference import events, facts, jobs, services, streams
from inference.connections import client
from inference.contracts import Event, Material, Picture, Result, RunKind, RunRequest
from inference.models import Job, JobState, Trace
from inference.runs import run_job
from inference.streams import BEFORE_ALL, EventId
from inference.telling import Teller
from tests.inference.conftest import NETWORK, NOW, STAGES, ImitationNetwork, network_facts, picture_bytes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("bell")]

Message = dict[str, Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.1)


@pytest.fixture
def trace(learner: User) -> Trace:
    facts.store_facts(NETWORK, network_facts(), now=NOW)
    return services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)


def run(trace: Trace, network: ImitationNetwork | None = None) -> None:
    run_job(
        job_id=trace.job_id,
        perform=(network or ImitationNetwork()).perform,
        clock=lambda: NOW,
    )


def parsed(text: str) -> Message | None:
    """A server-sent event as {id, event, data}; None for comments and the retry time."""
    lines = dict(line.split(": ", 1) for line in text.strip().splitlines() if ": " in line and not line.startswith(":"))
    return {**lines, "data": json.loads(lines["data"])} if "event" in lines else None


async def told(trace: Trace, person: User, *, after: EventId = BEFORE_ALL, html: bool = False) -> AsyncIterator[Message]:
    teller = Teller(person=person, share_token="", html=html)
    async for text in events.follow(trace=trace, after=after, describe=teller.describe):
        if (message := parsed(text)) is not None:
            yield message


async def all_told(trace: Trace, person: User, **options: Any) -> list[Message]:
    async with asyncio.timeout(15):
        return [message async for message in told(trace, person, **options)]


def names(messages: list[Message]) -> list[str]:
    return [message["event"] for message in messages if message["event"] != "queued"]


WHOLE = ["loading", *["stage"] * len(STAGES), "prediction", "done"]


async def until(trace: Trace, person: User, event: str, seen: list[Message], **options: Any) -> None:
    """Follow until the first `event`, then leave, as a browser that closes."""
    stream = told(trace, person, **options)
    async for message in stream:
        seen.append(message)
        if message["event"] == event:
            break
    await stream.aclose()


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_reader_is_told_everything_as_it_happens(trace: Trace, learner: User, redis_server: str) -> None:
    reading = asyncio.create_task(all_told(trace, learner))
    await asyncio.sleep(0.2)
    await sync_to_async(run)(trace)
    messages = await reading
    assert messages[0]["event"] == "queued"
    assert messages[0]["data"]["place"] == 1
    assert names(messages) == WHOLE
    assert [message["id"] for message in messages if "id" in message] == [f"1-{number}" for number in range(1, 7)]
    stage = messages[2]["data"]
    assert stage["index"] == 0
    assert stage["total"] == len(STAGES)
    assert stage["picture"]["url"].startswith(f"/traces/{trace.pk}/pictures/")
    assert messages[-1]["data"]["made_by"]["network"] == NETWORK


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_reader_that_comes_in_the_middle_misses_nothing(trace: Trace, learner: User, redis_server: str) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def waits(index: int) -> None:
        if index == 2:
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)

    running = asyncio.create_task(sync_to_async(run, thread_sensitive=False)(trace, ImitationNetwork(waits)))
    await asyncio.sleep(0.3)
    reading = asyncio.create_task(all_told(trace, learner))
    await asyncio.sleep(0.3)
    go_on.set()
    await running
    assert names(await reading) == WHOLE


@pytest.mark.redis
@pytest.mark.asyncio
@pytest.mark.parametrize("sequence", range(1, 7))
async def test_a_reader_goes_on_where_it_left_off(trace: Trace, learner: User, redis_server: str, sequence: int) -> None:
    await sync_to_async(run)(trace)
    messages = await all_told(trace, learner, after=EventId(1, sequence))
    assert names(messages) == WHOLE[sequence:]


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_trimmed_stream_is_replaced_by_the_stored_document(trace: Trace, learner: User, redis_server: str) -> None:
    await sync_to_async(run)(trace)
    client().delete(streams.key_of(trace.job_id))
    assert names(await all_told(trace, learner)) == WHOLE
    assert names(await all_told(trace, learner, after=EventId(1, 3))) == WHOLE[3:]


@pytest.mark.asyncio
async def test_without_redis_a_reader_polls_the_stored_state(trace: Trace, learner: User, settings) -> None:
    settings.REDIS_URL = f"unix://{settings.DATA_DIR}/nothing.sock"
    reading = asyncio.create_task(all_told(trace, learner))
    await asyncio.sleep(0.3)
    await sync_to_async(run)(trace)
    messages = await reading
    assert messages[0]["event"] == "queued"
    assert names(messages) == WHOLE


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_second_attempt_has_later_ids_and_a_reader_never_goes_back(
    trace: Trace, learner: User, redis_server: str
) -> None:
    class Killed(BaseException):
        """What a worker's death looks like from inside: nothing after it runs."""

    def dies(index: int) -> None:
        if index == 2:
            raise Killed

    with pytest.raises(Killed):
        await sync_to_async(run)(trace, ImitationNetwork(dies))
    seen: list[Message] = []
    async with asyncio.timeout(10):
        await until(trace, learner, "stage", seen)
    reading = asyncio.create_task(all_told(trace, learner, after=EventId.parse(seen[-1]["id"])))
    await asyncio.sleep(0.2)
    await sync_to_async(jobs.reap)(now=NOW + timedelta(seconds=site.TRACE_LEASE_SECONDS + 1))
    await sync_to_async(run)(trace)
    messages = await reading
    ids = [EventId.parse(message["id"]) for message in messages if "id" in message]
    assert ids == sorted(ids)
    assert ids[-1].attempt == 2
    assert messages[-1]["event"] == "done"


@pytest.mark.redis
@pytest.mark.asyncio
async def test_an_old_attempts_events_are_history_for_who_comes_while_it_waits_again(
    trace: Trace, learner: User, redis_server: str
) -> None:
    def stops(index: int) -> None:
        if index == 2:
            services.cancel_trace(trace=Trace.objects.get(pk=trace.pk), now=NOW)

    await sync_to_async(run)(trace, ImitationNetwork(stops))
    again = await sync_to_async(services.request_trace)(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    seen: list[Message] = []
    async with asyncio.timeout(10):
        reading = asyncio.create_task(until(again, learner, "done", seen))
        await asyncio.sleep(0.3)
        assert [message["event"] for message in seen] == ["queued"]
        await sync_to_async(run)(again)
        await reading
    assert names(seen) == WHOLE


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_stream_that_is_newer_than_a_restored_database_does_not_keep_its_readers_waiting(
    trace: Trace, learner: User, redis_server: str
) -> None:
    def jobs_in(state: JobState) -> None:
        Job.objects.filter(pk=trace.job_id).update(state=state)

    await sync_to_async(run)(trace)
    await sync_to_async(jobs_in)(JobState.RUNNING)
    seen: list[Message] = []
    async with asyncio.timeout(10):  # less than KEEPALIVE_SECONDS
        reading = asyncio.create_task(until(trace, learner, "done", seen))
        await asyncio.sleep(0.3)
        assert names(seen) == WHOLE[:-1]
        await sync_to_async(jobs_in)(JobState.DONE)
        await reading
    assert names(seen) == WHOLE


@pytest.mark.redis
@pytest.mark.asyncio
async def test_stopping_is_told_to_the_one_who_stopped_and_not_to_the_others(
    trace: Trace, learner: User, redis_server: str
) -> None:
    guest = await sync_to_async(User.objects.create_guest)()
    theirs = await sync_to_async(services.request_trace)(owner=guest, network=NETWORK, sample="chelsea", now=NOW)
    mine = asyncio.create_task(all_told(trace, learner))
    others = asyncio.create_task(all_told(theirs, guest))
    await asyncio.sleep(0.3)
    await sync_to_async(services.cancel_trace)(trace=trace, now=NOW)
    assert (await mine)[-1]["event"] == "cancelled"
    await sync_to_async(run)(theirs)
    assert (await others)[-1]["event"] == "done"


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_failure_is_told_with_its_cause_and_next_action(trace: Trace, learner: User, redis_server: str) -> None:
    def breaks(index: int) -> None:
        if index == 1:
            raise MemoryError

    reading = asyncio.create_task(all_told(trace, learner))
    await asyncio.sleep(0.2)
    await sync_to_async(run)(trace, ImitationNetwork(breaks))
    last = (await reading)[-1]
    assert last["event"] == "failed"
    assert last["data"]["error"]["code"] == "out_of_memory"
    assert last["data"]["error"]["next_action"]


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_trace_deleted_while_it_is_watched_ends_the_stream(trace: Trace, learner: User, redis_server: str) -> None:
    reading = asyncio.create_task(all_told(trace, learner))
    await asyncio.sleep(0.2)
    await sync_to_async(services.delete_trace)(trace=await Trace.objects.select_related("job").aget(pk=trace.pk), now=NOW)
    assert (await reading)[-1]["event"] == "cancelled"


@pytest.mark.redis
@pytest.mark.asyncio
async def test_many_readers_share_one_connection_and_leave_none_behind(trace: Trace, learner: User, redis_server: str) -> None:
    readers = [asyncio.create_task(all_told(trace, learner)) for _ in range(20)]
    await asyncio.sleep(0.5)
    assert client().pubsub_numsub(streams.CHANNEL)[0][1] == 1
    await sync_to_async(run)(trace)
    for messages in await asyncio.gather(*readers):
        assert names(messages) == WHOLE
    await asyncio.sleep(0.1)
    assert client().pubsub_numsub(streams.CHANNEL)[0][1] == 0


@pytest.mark.redis
@pytest.mark.asyncio
async def test_a_silent_stream_is_kept_alive(trace: Trace, learner: User, redis_server: str, monkeypatch) -> None:
    monkeypatch.setattr(events, "KEEPALIVE_SECONDS", 0.2)
    await sync_to_async(jobs.take)(job_id=trace.job_id, holder="elsewhere:1", now=NOW)
    teller = Teller(person=learner, share_token="", html=False)
    texts = []
    async with asyncio.timeout(5):
        async for text in events.follow(trace=trace, after=BEFORE_ALL, describe=teller.describe):
            texts.append(text)
            if len(texts) == 3:
                break
    assert texts[0] == "retry: 1000\n\n"
    assert texts[1].startswith(":")
    assert texts[2].startswith(":")


@pytest.mark.redis
@pytest.mark.asyncio
async def test_pages_are_told_pieces_of_themselves(trace: Trace, learner: User, redis_server: str) -> None:
    await sync_to_async(run)(trace)
    messages = await all_told(trace, learner, html=True)
    pieces = {message["event"]: message["data"].get("html", "") for message in messages}
    assert '<li class="frame"' in pieces["stage"]
    assert "tiger cat" in pieces["prediction"]
    assert "2.13.0" in pieces["done"]


@pytest.mark.redis
@pytest.mark.asyncio
async def test_the_result_is_told_to_a_page_that_was_opened_while_it_waited(
    trace: Trace, learner: User, redis_server: str
) -> None:
    reading = asyncio.create_task(all_told(trace, learner, html=True))
    await asyncio.sleep(0.3)
    await sync_to_async(run)(trace)
    pieces = {message["event"]: message["data"].get("html", "") for message in await reading}
    assert "tiger cat" in pieces["prediction"]


# --- over HTTP ------------------------------------------------------------------------------------------------------------


async def body(response: Any) -> list[Message]:
    text = b"".join([part async for part in response.streaming_content]).decode()
    return [message for part in text.split("\n\n") if (message := parsed(part)) is not None]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/traces/{}/events", "/api/v1/traces/{}/events"])
async def test_only_the_owner_and_whoever_has_the_link_may_follow(trace: Trace, learner: User, path: str) -> None:
    await sync_to_async(run)(trace)
    token = await sync_to_async(services.share_trace)(trace=trace)
    owner = AsyncClient()
    await owner.aforce_login(learner)
    address = path.format(trace.pk)
    response = await owner.get(address)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "no-cache" in response.headers["Cache-Control"]
    assert names(await body(response)) == WHOLE
    stranger = AsyncClient()
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.get(address, {"share": "wrong"})).status_code == 404
    shared = await stranger.get(address, {"share": token})
    messages = await body(shared)
    assert names(messages) == WHOLE
    assert f"share={token}" in messages[1]["data"]["picture"]["url"]


@pytest.mark.asyncio
@pytest.mark.parametrize("last", ["", "1-4", "nonsense", "99999999999999999999-1", "-", "1-", "٣-٤"])
async def test_whatever_last_event_id_says_the_stream_answers(trace: Trace, learner: User, last: str) -> None:
    await sync_to_async(run)(trace)
    browser = AsyncClient()
    await browser.aforce_login(learner)
    response = await browser.get(f"/traces/{trace.pk}/events", headers={"Last-Event-ID": last} if last.isascii() else {})
    assert response.status_code == 200
    messages = await body(response)
    assert messages[-1]["event"] == "done"
    assert len(names(messages)) == (3 if last == "1-4" else len(WHOLE))


def test_the_redis_of_these_tests_is_the_one_that_settings_name(redis_server: str) -> None:
    assert redis_server == site.REDIS_URL


@pytest.mark.redis
@pytest.mark.asyncio
async def test_readers_of_one_audience_share_the_words_and_others_do_not(
    trace: Trace, learner: User, redis_server: str
) -> None:
    teller = Teller(person=learner, share_token="", html=True)
    said: list[str] = []

    def describe(trace: Trace, name: str, data: dict[str, Any]) -> dict[str, Any]:
        said.append(name)
        return teller.describe(trace, name, data)

    async def reader(audience: object) -> list[str]:
        async with asyncio.timeout(15):
            texts = events.follow(trace=trace, after=BEFORE_ALL, describe=describe, audience=audience)
            return [message["event"] async for text in texts if (message := parsed(text)) is not None]

    reading = [asyncio.create_task(reader(audience)) for audience in ("the class", "the class", "the class", "another", None)]
    await asyncio.sleep(0.3)
    await sync_to_async(run)(trace)
    for task in reading:
        assert [name for name in await task if name != "queued"] == WHOLE
    assert said.count("stage") == 3 * len(STAGES), "once for the class, once for each of the two others"
    assert said.count("prediction") == 5


def result_told(teller: Teller, trace: Trace, number: int) -> dict[str, Any]:
    return teller.describe(trace, "result", {"name": f"progress:{number}", "figures": {}, "files": {}})


def test_a_run_of_no_photo_is_not_read_again_for_each_of_its_results(learner: User, django_assert_num_queries: Any) -> None:
    facts.store_facts(NETWORK, network_facts(), now=NOW)
    trace = services.request_run(kind=RunKind.MEASUREMENT, owner=learner, network=NETWORK, needs_weights=False, now=NOW)
    teller = Teller(person=learner, share_token="", html=True)
    with django_assert_num_queries(0):
        assert [result_told(teller, trace, number)["name"] for number in range(3)] == [f"progress:{n}" for n in range(3)]


EVIDENCE = {
    "name": "grad_cam:281",
    "figures": {"label": "tiger cat", "target": "features.8", "positive": True},
    "files": {"heat": {"media_type": "image/webp", "width": 8, "height": 8}},
}


def test_the_photo_that_results_are_about_is_found_out_once(
    trace: Trace, learner: User, django_assert_num_queries: Any
) -> None:
    def tells_the_crop(request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Any) -> None:
        emit(Result("crop", {"size": 8}, {"photo": Picture(picture_bytes(), "image/webp", 8, 8, "photo")}))

    teller = Teller(person=learner, share_token="", html=True)
    photo = reverse("inference:result_file", args=[trace.pk, "crop", "photo"])
    assert photo not in teller.describe(trace, "result", EVIDENCE)["html"]
    run_job(job_id=trace.job_id, perform=tells_the_crop, clock=lambda: NOW)
    assert photo in teller.describe(trace, "result", EVIDENCE)["html"]
    with django_assert_num_queries(0):
        assert photo in teller.describe(trace, "result", EVIDENCE)["html"]


@pytest.mark.asyncio
async def test_words_that_could_not_be_made_are_asked_for_again() -> None:
    made = iter([OSError("the database is away"), "Stage 1"])

    async def word() -> str:
        found = next(made)
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.raises(OSError, match="away"):
        await events.hub().worded_once("key", word)
    await asyncio.sleep(0)
    assert await events.hub().worded_once("key", word) == "Stage 1"
    assert await events.hub().worded_once("key", word) == "Stage 1"
