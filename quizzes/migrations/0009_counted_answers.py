"""How first answers came out, counted now and then."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quizzes", "0008_exams_and_grades")]

    operations = [
        migrations.CreateModel(
            name="CountedAnswers",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("answers", models.PositiveIntegerField()),
                ("reached", models.FloatField()),
                ("until", models.DateTimeField()),
                (
                    "question_version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counted_answers",
                        to="quizzes.questionversion",
                    ),
                ),
            ],
        ),
    ]
