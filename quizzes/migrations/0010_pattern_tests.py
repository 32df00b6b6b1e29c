"""Lessons that were published before there were tests of the pattern get theirs, as publishing them anew would give it.

Publishing the same words again makes no new version, so nothing else would. No questions.yaml of that time could decline it.
"""

from django.apps.registry import Apps
from django.db import migrations

FEWEST = 5


def offer_pattern_tests(apps: Apps, schema_editor: object) -> None:
    Quiz, QuizVersion, QuizQuestion = (apps.get_model("quizzes", name) for name in ("Quiz", "QuizVersion", "QuizQuestion"))
    for practice in QuizVersion.objects.filter(quiz__mode="practice").select_related("quiz", "lesson_version"):
        pool = list(QuizQuestion.objects.filter(quiz_version=practice).order_by("position"))
        if len(pool) < FEWEST or "test" not in practice.lesson_version.meta.get("modes", []):
            continue
        quiz, _new = Quiz.objects.get_or_create(lesson_id=practice.quiz.lesson_id, mode="pattern")
        test, is_new = QuizVersion.objects.get_or_create(
            quiz=quiz, lesson_version_id=practice.lesson_version_id, defaults={"reveal": "finish"}
        )
        if is_new:
            QuizQuestion.objects.bulk_create(
                QuizQuestion(quiz_version=test, position=one.position, question_version_id=one.question_version_id)
                for one in pool
            )


class Migration(migrations.Migration):
    dependencies = [("quizzes", "0009_counted_answers")]

    operations = [migrations.RunPython(offer_pattern_tests, migrations.RunPython.noop)]
