"""Having a draft's code run from the studio: who may, what is run, what the pages say, and that the sandbox holds."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.utils import timezone

from accounts.models import Role
from inference import heartbeat, jobs
from inference.connections import Unreachable
from inference.contracts import Failure, RunKind
from inference.models import Job, JobState, Proof, Trace
from inference.proof_orders import MOST_CHARACTERS, MOST_SNIPPETS, that_fit
from inference.proofs import Snippet, installed_versions, proofs_of, store_proofs
from inference.runs import run_job
from inference.sandbox import nest
from inference.sandbox.engine import SandboxEngine
from inference.sandbox.snippets import SnippetResult, snippet_sha256
from lessons.authoring import create_lesson
from lessons.models import Draft, Membership
from lessons.proof_runs import is_part_of, to_run
from lessons.publishing import save_draft
from tests.studio.conftest import LESSON, QUESTIONS

ANSWER = "    answer: A change of brightness.\n"
PRINTS = "print('A change of brightness')"


def proved_by(*lines: str) -> str:
    """The lesson's questions, the first of which is proved by this code."""
    code = "".join(f"        {line}\n" for line in lines)
    proof = f"{ANSWER}    proof:\n      compare: output\n      snippet: |\n{code}"
    return QUESTIONS.replace("about: concept\n    difficulty: easy", "about: output\n    difficulty: easy", 1).replace(
        ANSWER, proof, 1
    )


def write(lesson, author, *lines: str, sample: str = "") -> None:
    """Save a draft whose first question is proved by this code; `sample` is the lesson's own."""
    draft = Draft.objects.get(lesson=lesson)
    text = LESSON.format(uid=lesson.uid)
    if sample:
        text += f"\n```python id=shown\n{sample}\n```\n"
    files = {**draft.files, "lesson.md": text, "questions.yaml": proved_by(*lines)}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=author, now=timezone.now())


@pytest.fixture
def coded(lesson, instructor):
    """The lesson with one question whose key is proved by code that prints it."""
    write(lesson, instructor, PRINTS)
    return lesson


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    """The queues that workers listen to, as far as the site is told; the bell is rung in tests with a real worker."""
    queues = ["checks", "proofs"]
    monkeypatch.setattr(heartbeat, "workers", lambda: [{"queue": queue} for queue in queues])
    monkeypatch.setattr("inference.queueing.ring", lambda *_line: True)
    return queues


@pytest.fixture
def redis_gone(monkeypatch):
    def gone():
        raise Unreachable[0]("gone")

    monkeypatch.setattr(heartbeat, "workers", gone)


def ask(client, base, **fields):
    return client.post(f"{base}proofs/run/", {"page": "check", **fields})


def run() -> Job:
    """Make the run that waits, as a worker with a sandbox does."""
    job = Job.objects.get(kind=RunKind.PROOF, state=JobState.WAITING)
    run_job(job_id=job.pk, perform=SandboxEngine().perform)
    job.refresh_from_db()
    return job


def publish(client, lesson, base):
    return client.post(base + "publish/", {"note": "x", "revision": Draft.objects.get(lesson=lesson).revision})


def text_of(response) -> str:
    return response.content.decode()


# --- what is chosen -------------------------------------------------------------------------------------------------------


def proof(**fields):
    return Proof(torch=installed_versions().torch, torchvision=installed_versions().torchvision, **fields)


def test_what_has_no_fresh_proof_is_run_each_once_and_all_on_wish():
    one, two = Snippet("print(1)"), Snippet("print(2)")
    places = [("lesson.md#a", one), ("questions.yaml#q", two), ("questions.yaml#q/b", one)]
    assert to_run(places, {}, everything=False) == [one, two]
    assert to_run(places, {snippet_sha256(one): proof()}, everything=False) == [two]
    assert to_run(places, {snippet_sha256(one): proof()}, everything=True) == [one, two]


def test_what_lacked_its_weights_is_run_once_they_are_here(tmp_path, settings):
    settings.WEIGHTS_DIR = tmp_path
    snippet = Snippet("print(1)", requires="weights/resnet50")
    lacking = {snippet_sha256(snippet): proof(missing="weights/resnet50")}
    assert to_run([("lesson.md#a", snippet)], lacking, everything=False) == []
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "resnet50-0.pth").touch()
    assert to_run([("lesson.md#a", snippet)], lacking, everything=False) == [snippet]


def test_a_question_s_part_is_its_key_and_its_options():
    assert is_part_of("questions.yaml#edge/b", "questions.yaml#edge")
    assert is_part_of("questions.yaml#edge", "questions.yaml#edge")
    assert not is_part_of("questions.yaml#edge-2", "questions.yaml#edge")
    assert is_part_of("lesson.md#a", "")


def test_one_run_takes_so_much_and_leaves_out_what_no_database_keeps():
    assert len(that_fit(Snippet(f"print({n})") for n in range(MOST_SNIPPETS + 5))) == MOST_SNIPPETS
    short = Snippet("print(1)")
    assert that_fit([Snippet("x" * (MOST_CHARACTERS + 1)), Snippet("a\0b"), Snippet("'\ud800'"), short, short]) == [short]
    assert sum(len(one.code) for one in that_fit(Snippet(f"#{n}" + "x" * 30_000) for n in range(9))) <= MOST_CHARACTERS


# --- the whole way --------------------------------------------------------------------------------------------------------


@pytest.mark.sandbox
def test_a_missing_proof_is_run_and_then_the_lesson_can_be_published(owner, base, coded):
    assert publish(owner, coded, base).status_code == 422
    page = text_of(owner.get(base + "check/"))
    assert "0 of 1 snippet is proved" in page
    assert "Run the proofs" in page
    assert "Run all again" not in page
    assert ask(owner, base)["Location"] == f"{base}check/#proving"
    waiting = text_of(owner.get(base + "check/"))
    assert "Next in line." in waiting
    assert 'hx-trigger="every 2s"' in waiting
    assert "Run the proofs" not in waiting
    assert "is proved" not in waiting, "which would not be true for long"
    job = run()
    assert job.state == JobState.DONE
    page = text_of(owner.get(base + "check/"))
    assert "1 of 1 snippet is proved" in page
    assert "1 snippet has run" in page
    assert "1 says what is written." in page
    assert publish(owner, coded, base).status_code == 302


@pytest.mark.sandbox
def test_what_disagrees_is_said_and_goes_on_stopping(owner, base, lesson, instructor):
    write(lesson, instructor, "print('Something else')")
    ask(owner, base)
    run()
    page = text_of(owner.get(base + "proofs/"))
    assert "Running this gives “Something else”, but the option says “A change of brightness”." in page
    assert "0 say what is written." in page
    assert publish(owner, lesson, base).status_code == 422
    assert ask(owner, base).status_code == 302
    assert not Job.objects.filter(state=JobState.WAITING).exists(), "it has run, so that only all again runs it"
    ask(owner, base, all="1")
    assert Job.objects.filter(state=JobState.WAITING).count() == 1


@pytest.mark.sandbox
def test_warnings_of_samples_and_questions_stand_in_the_list(owner, base, lesson, instructor):
    warn = "import warnings; warnings.warn('pretrained is old', DeprecationWarning)"
    write(lesson, instructor, warn, PRINTS, sample=warn)
    ask(owner, base)
    run()
    page = text_of(owner.get(base + "proofs/"))
    assert page.count("It warns: DeprecationWarning: pretrained is old") == 2
    assert "Code sample “shown”" in page


@pytest.mark.sandbox
def test_the_question_s_page_runs_its_own_code_alone(owner, base, lesson, instructor):
    write(lesson, instructor, PRINTS, sample="print(1)")
    assert ask(owner, base, question="edge-test")["Location"] == f"{base}questions/edge-test/#proving"
    assert len(Job.objects.get().options["snippets"]) == 1
    run()
    page = text_of(owner.get(base + "questions/edge-test/"))
    assert "1 of 1 snippet is proved" in page
    assert "Code sample" not in page
    assert "1 of 2 snippets are proved" in text_of(owner.get(base + "check/"))


def test_a_question_without_code_has_no_proofs_on_its_page(owner, base, coded):
    assert 'id="proving"' not in text_of(owner.get(base + "questions/edge-practice/"))


def test_where_everything_is_proved_nothing_is_run(owner, base, coded):
    installed = installed_versions()
    ran = SnippetResult("A change of brightness\n", torch=installed.torch, torchvision=installed.torchvision)
    store_proofs({snippet_sha256(Snippet(PRINTS)): ran}, now=timezone.now())
    page = text_of(owner.post(f"{base}proofs/run/", {}, follow=True))
    assert "Nothing is to be run" in page
    assert "Run all again" in page
    assert not Job.objects.exists()


# --- who may --------------------------------------------------------------------------------------------------------------


def test_an_author_asks_and_others_cannot(second, client, outsider, learner, base, coded):
    client.force_login(outsider)
    assert ask(client, base).status_code == 404
    client.force_login(learner)
    assert ask(client, base).status_code == 403
    assert not Job.objects.exists()
    assert ask(second, base).status_code == 302
    assert Job.objects.get().kind == RunKind.PROOF


def test_somebody_without_an_account_signs_in_first(client, base, coded):
    assert ask(client, base)["Location"].startswith("/sign-in/")
    assert not Job.objects.exists()


def lose_role(instructor):
    instructor.role = Role.LEARNER
    instructor.save()


def lose_course(instructor):
    Membership.objects.filter(user=instructor).delete()


def lose_account(instructor):
    instructor.is_active = False
    instructor.save()


@pytest.mark.parametrize("lose", [lose_role, lose_course, lose_account])
def test_who_lost_the_course_before_a_worker_took_it_up_has_nothing_run(owner, base, coded, instructor, lose):
    ask(owner, base)
    lose(instructor)
    job = run()
    assert (job.state, job.failure) == (JobState.FAILED, Failure.NOT_ALLOWED)
    assert not Proof.objects.exists()


@pytest.mark.sandbox
def test_a_colleague_who_wants_the_same_keeps_it_wanted(owner, second, base, coded, instructor):
    ask(owner, base)
    ask(second, base)
    assert Job.objects.count() == 1
    lose_role(instructor)
    assert run().state == JobState.DONE


# --- once -----------------------------------------------------------------------------------------------------------------


def test_a_second_click_and_a_second_tab_join_the_run_that_is_going(owner, base, coded, instructor):
    for _click in range(2):
        assert ask(owner, base).status_code == 302
    write(coded, instructor, "print('another')")
    assert ask(owner, base, all="1").status_code == 302
    assert Trace.objects.count() == Job.objects.count() == 1


def test_an_author_has_one_run_going_over_all_lessons(owner, base, coded, course, instructor):
    ask(owner, base)
    other = create_lesson(course=course, author=instructor, title="Corners", slug="corners", now=timezone.now())
    write(other, instructor, "print('corners')")
    refused = ask(owner, "/studio/courses/vision/lessons/corners/")
    assert refused.status_code == 429
    assert "Let them finish or stop them" in text_of(refused)
    assert Job.objects.count() == 1


def test_stopping_ends_one_s_own_run_and_it_can_be_asked_for_again(owner, second, base, coded):
    ask(owner, base)
    assert "Stop" not in text_of(second.get(base + "proofs/")).partition('id="proving"')[2].partition("</form>")[0]
    second.post(f"{base}proofs/stop/", {"page": "check"})
    assert Job.objects.get().state == JobState.WAITING
    assert owner.post(f"{base}proofs/stop/", {"page": "check"})["Location"] == f"{base}check/#proving"
    assert Job.objects.get().state == JobState.CANCELLED
    assert "Stopped after 0 of 1." in text_of(owner.get(base + "check/"))
    ask(owner, base)
    assert Job.objects.get().state == JobState.WAITING


def test_how_far_it_is_is_asked_for_without_reading_the_draft(owner, base, coded, django_assert_max_num_queries, monkeypatch):
    ask(owner, base)
    monkeypatch.setattr("studio.proofs.open_draft", None)
    with django_assert_max_num_queries(14):
        told = owner.get(f"{base}proofs/?page=check", headers={"HX-Request": "true"})
    assert "Next in line." in text_of(told)
    assert "<h1" not in text_of(told)
    monkeypatch.undo()


def test_the_end_is_told_with_the_findings_it_changes(owner, base, coded, workers):
    ask(owner, base)
    owner.post(f"{base}proofs/stop/")
    told = owner.get(f"{base}proofs/?page=check", headers={"HX-Request": "true"})
    assert told["HX-Retarget"] == told["HX-Reselect"] == "#proving"
    assert f'hx-get="{base}check/" hx-trigger="load"' in text_of(told)


# --- no sandbox, no queue, no worker ---------------------------------------------------------------------------------------


def test_without_a_sandbox_the_studio_marks_the_proofs_for_the_command(owner, base, coded, workers):
    workers.remove("proofs")
    for page in ("check/", "proofs/", "questions/edge-test/", "questions/"):
        told = text_of(owner.get(base + page))
        assert "This site has no sandbox (bubblewrap), so it runs no author’s code." in told, page
        assert "<code>manage.py check_content --course vision</code>" in told, page
        assert "Run the proofs<" not in told, page
    refused = ask(owner, base)
    assert refused.status_code == 409
    assert not Job.objects.exists()


def test_it_can_be_turned_off(owner, base, coded, settings):
    settings.PROOFS = False
    assert "turned off on this site" in text_of(owner.get(base + "check/"))
    assert ask(owner, base).status_code == 409
    assert not Job.objects.exists()


def test_without_any_worker_it_is_said_to_try_again(owner, base, coded, workers):
    workers.clear()
    assert "No worker is there to run them just now." in text_of(owner.get(base + "check/"))
    assert ask(owner, base).status_code == 503


def test_without_redis_the_pages_stand_and_say_so(owner, base, coded, redis_gone):
    for page in ("check/", "proofs/", "questions/", "questions/edge-test/", ""):
        told = owner.get(base + page)
        assert told.status_code == 200
        assert "can’t reach its queue (Redis) just now" in text_of(told), page
    assert ask(owner, base).status_code == 503
    assert not Job.objects.exists()


def test_a_run_that_waits_while_redis_goes_is_kept_and_said(owner, base, coded, monkeypatch):
    ask(owner, base)

    def gone():
        raise Unreachable[0]("gone")

    monkeypatch.setattr(heartbeat, "workers", gone)
    assert "Your wish is kept" in text_of(owner.get(base + "check/"))


def test_a_machine_without_bubblewrap_runs_nothing_even_when_it_is_asked(owner, base, coded, monkeypatch):
    ask(owner, base)
    started: list[object] = []
    monkeypatch.setattr(nest, "bubblewrap", lambda: "")
    monkeypatch.setattr(nest.subprocess, "Popen", lambda *arguments, **_more: started.append(arguments))
    job = run()
    assert (job.state, job.failure) == (JobState.FAILED, Failure.NO_SANDBOX)
    assert started == []
    assert not Proof.objects.exists()
    assert "has no whole sandbox, so nothing was run." in text_of(owner.get(base + "check/"))
    with nest.Nest(only_walled=True) as prepared, pytest.raises(nest.NoWall):
        prepared.run(Snippet(PRINTS), timeout=5, limits=nest.Limits())
    assert started == []


def test_a_run_whose_worker_died_waits_again_and_says_so(owner, base, coded):
    ask(owner, base)
    job = Job.objects.get()
    jobs.take(job_id=job.pk, holder="elsewhere:1", now=timezone.now())
    assert "0 of 1 have run." in text_of(owner.get(base + "check/"))
    jobs.reap(now=timezone.now() + timedelta(seconds=60))
    assert "The worker that ran them died. They wait to begin again." in text_of(owner.get(base + "check/"))


@pytest.mark.sandbox
def test_a_second_attempt_runs_only_what_the_first_did_not(owner, base, lesson, instructor, monkeypatch):
    write(lesson, instructor, PRINTS, sample="print(1)")
    ask(owner, base)
    installed = installed_versions()
    ran = SnippetResult("by the first attempt", torch=installed.torch, torchvision=installed.torchvision)
    store_proofs({snippet_sha256(Snippet("print(1)")): ran}, now=timezone.now())
    assert run().state == JobState.DONE
    assert proofs_of([Snippet("print(1)")]).popitem()[1].output == "by the first attempt"
    assert Proof.objects.count() == 2


# --- the sandbox ----------------------------------------------------------------------------------------------------------


@pytest.mark.sandbox
def test_code_that_wants_out_gets_nowhere(owner, base, lesson, instructor, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    paths = [str(secret), str(site.ROOT / "manage.py"), str(site.DATABASES["default"]["NAME"]), "/etc/passwd"]
    write(
        lesson,
        instructor,
        "import os, socket, subprocess",
        "def tried(what):",
        "    try:",
        "        print('got', what())",
        "    except Exception as error:",
        "        print(type(error).__name__)",
        *(f"tried(lambda: open({path!r}).read())" for path in paths),
        f"tried(lambda: open({str(tmp_path / 'written')!r}, 'w').write('x'))",
        "tried(lambda: socket.create_connection(('127.0.0.1', 80), timeout=2))",
        "tried(lambda: subprocess.run(['true']))",
        "tried(lambda: os.fork())",
        "print('SECRET_KEY' in os.environ, os.getuid())",
    )
    ask(owner, base)
    assert run().state == JobState.DONE
    said = Proof.objects.get().output
    assert "got" not in said
    assert "hunter2" not in said
    assert said.splitlines()[-1] == "False 65534"
    assert len(said.splitlines()) == len(paths) + 5
    assert not (tmp_path / "written").exists()


@pytest.mark.sandbox
def test_code_without_an_end_is_stopped_said_and_no_proof(owner, base, lesson, instructor, monkeypatch):
    monkeypatch.setattr("inference.sandbox.engine.DEFAULT_TIMEOUT", 1.0)
    write(lesson, instructor, "while True: pass", sample="print(1)")
    ask(owner, base)
    assert run().state == JobState.DONE
    page = text_of(owner.get(base + "proofs/"))
    assert "This snippet took too long and was stopped. Make it shorter." in page
    assert Proof.objects.count() == 1
    assert "2 snippets have run" in page
    assert "1 says what is written." in page


@pytest.mark.sandbox
def test_stopping_ends_a_snippet_that_runs(owner, base, lesson, instructor, monkeypatch):
    monkeypatch.setattr("inference.runs.LOOK_SECONDS", 0)
    write(lesson, instructor, "while True: pass")
    ask(owner, base)
    began: list[float] = []

    def wanted(_hold, _job) -> bool:
        began.append(time.monotonic())
        if len(began) == 3:
            owner.post(f"{base}proofs/stop/")
        return len(began) < 3

    monkeypatch.setattr("inference.runs.Hold.has", wanted)
    run()
    assert time.monotonic() - began[0] < 20
    assert Job.objects.get().state == JobState.CANCELLED
    assert not Proof.objects.exists()


@pytest.mark.sandbox
def test_a_run_over_its_time_keeps_what_had_run(owner, base, lesson, instructor):
    write(lesson, instructor, PRINTS, sample="print(1)")
    ask(owner, base)
    job = Job.objects.get()
    late = timezone.now() + timedelta(days=1)
    taken_at = iter([timezone.now()])
    run_job(job_id=job.pk, perform=SandboxEngine().perform, clock=lambda: next(taken_at, late))
    job.refresh_from_db()
    assert (job.state, job.failure) == (JobState.FAILED, Failure.DEADLINE)
    assert Proof.objects.count() == 1
    assert "their proofs are kept" in text_of(owner.get(base + "check/"))
    ask(owner, base)
    assert run().state == JobState.DONE
    assert Proof.objects.count() == 2


# --- nothing of it elsewhere ------------------------------------------------------------------------------------------------


@pytest.mark.sandbox
def test_no_page_of_runs_shows_it_not_even_to_who_asked(owner, base, coded):
    ask(owner, base)
    job = run()
    assert "A change of brightness" not in json.dumps(job.document)
    trace = Trace.objects.get()
    for address in (f"/traces/{trace.pk}/", f"/traces/{trace.pk}/events", f"/api/v1/traces/{trace.pk}"):
        assert owner.get(address).status_code == 404, address
    for act in ("cancel", "share", "delete"):
        assert owner.post(f"/traces/{trace.pk}/{act}").status_code == 404, act
    assert str(trace.pk) not in text_of(owner.get("/traces/"))
    assert owner.get("/me/").status_code == 200


def test_what_is_posted_may_be_anything(owner, base, coded):
    for question in ("\x00", "x" * 5000, "../../etc", "%00", "édge", "/"):
        assert ask(owner, base, question=question).status_code == 404, question
        assert owner.post(f"{base}proofs/stop/", {"question": question}).status_code == 404, question
        assert owner.get(f"{base}proofs/", {"question": question}).status_code in (400, 404), question
    assert ask(owner, base, question="no-such-question", page="nonsense").status_code == 302
    assert owner.get(f"{base}proofs/", {"question": "no-such-question", "page": "nonsense"}).status_code == 200
    assert not Job.objects.exists()


@pytest.mark.sandbox
def test_code_that_no_run_takes_is_refused_in_a_sentence(owner, base, lesson, instructor):
    write(lesson, instructor, PRINTS, sample="#" + "x" * (MOST_CHARACTERS + 1))
    ask(owner, base)
    assert len(Job.objects.get().options["snippets"]) == 1, "the others are run"
    run()
    refused = ask(owner, base)
    assert refused.status_code == 422
    assert "None of this code can be run from here" in text_of(refused)
