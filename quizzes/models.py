"""Questions as published, attempts at them, and grades.

Options carry no truth. A question's key is a KeyRevision, which no page, partial, API answer or event touches before the
learner's answer is committed.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lessons.models import Course, Lesson, LessonVersion
from quizzes.questions import Answer, Key


class Difficulty(models.TextChoices):
    EASY = "easy", _("easy")
    MEDIUM = "medium", _("medium")
    HARD = "hard", _("hard")


class About(models.TextChoices):
    """The five things a practice question can be about."""

    CONCEPT = "concept", _("a concept")
    API = "api", _("the right call")
    OUTPUT = "output", _("the output of a snippet")
    ERROR = "error", _("the cause of an error")
    CHOICE = "choice", _("a choice under constraints")


class Misconception(models.Model):
    """Something people believe, and why it fails. Distractors point to it."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="misconceptions")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="misconceptions")  # whose file defines it
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    belief = models.TextField()
    why = models.TextField()
    mistake = models.CharField(max_length=80, blank=True)  # the runnable form's name in the contracts

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course", "slug"], name="one_misconception_slug_per_course")]

    def __str__(self) -> str:
        return self.title


class Question(models.Model):
    """A question's lasting identity."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="questions")
    uid = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.uid


class QuestionVersion(models.Model):
    """The public words of a question, for good: insert-only. Everything here may be shown before an answer.

    A template is asked of nobody: it has a recipe in place of words, and each attempt asks a variant drawn from it, which is an
    ordinary question version with options and a key. Variants share their template's number, and differ by seed and words.
    """

    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)  # a room of quizzes.questions ("single", …) or, of a template, a drawer of variants
    about = models.CharField(max_length=16, choices=About.choices)
    difficulty = models.CharField(max_length=8, choices=Difficulty.choices)
    objective = models.CharField(max_length=80)
    stem = models.TextField()  # Markdown
    facts = models.JSONField(default=dict)
    public_sha256 = models.CharField(max_length=64)  # of all that is shown before an answer
    recipe = models.JSONField(default=dict, blank=True)  # of a template: what its variants are drawn by; empty for all others
    template = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="variants"
    )  # the generated question that this one was drawn from
    seed = models.PositiveIntegerField(null=True, blank=True)  # what it was drawn with
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["question", "number"], condition=models.Q(template__isnull=True), name="one_number_per_question"
            ),
            models.UniqueConstraint(
                fields=["template", "seed", "public_sha256"],
                condition=models.Q(template__isnull=False),
                name="one_variant_per_seed_and_words",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.question_id} v{self.number}"


class Option(models.Model):
    """One choice of a question version: insert-only, and without truth."""

    question_version = models.ForeignKey(QuestionVersion, on_delete=models.PROTECT, related_name="options")
    key = models.CharField(max_length=16)  # stable within the question
    position = models.PositiveSmallIntegerField()
    text = models.TextField()  # Markdown

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["question_version", "key"], name="one_key_per_option")]

    def __str__(self) -> str:
        return self.key


class KeyRevision(models.Model):
    """What is right about a question version, and what is said after an answer: insert-only. The newest one grades."""

    question_version = models.ForeignKey(QuestionVersion, on_delete=models.PROTECT, related_name="key_revisions")
    number = models.PositiveIntegerField()
    correct = models.JSONField()  # option keys
    rule = models.JSONField(default=dict)  # the kind's own: how credit is given, which numbers are expected
    feedback = models.JSONField()  # option key → Markdown
    misconceptions = models.JSONField(default=dict)  # option key → {slug, title, belief, why}
    hint = models.TextField(blank=True)
    solution = models.JSONField(default=list)  # Markdown, one per step
    answer = models.TextField()  # the final answer, Markdown
    facts = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["question_version", "number"], name="one_number_per_key")]

    def __str__(self) -> str:
        return f"{self.question_version_id} key {self.number}"

    @property
    def key(self) -> Key:
        """What grades an answer."""
        return Key(frozenset(self.correct), self.rule)


class QuizMode(models.TextChoices):
    """What a quiz is for."""

    TEST = "test", _("test")
    PRACTICE = "practice", _("practice")
    PATTERN = "pattern", _("test of the pattern")
    EXAM = "exam", _("exam")
    PRETEST = "pretest", _("questions before the lesson")
    PREDICTION = "prediction", _("prediction")
    REVIEW = "review", _("review")


GRADED = (QuizMode.TEST, QuizMode.EXAM)
"""What the gradebook, the statistics of questions and regrades are about."""

UNAIDED = (QuizMode.TEST, QuizMode.EXAM, QuizMode.PATTERN)
"""Where nobody is helped: the answers that a verdict on a strength rests on."""

HELPED = (QuizMode.PRACTICE, QuizMode.REVIEW)
"""Where hints, steps and further tries are free, and nothing counts."""


BEFOREHAND = (QuizMode.PRETEST, QuizMode.PREDICTION)
"""What is asked before anybody could know: worth guessing at, and no sign of what somebody has learned."""


class Reveal(models.TextChoices):
    """When the learner is told what was right."""

    EACH = "each", _("after each answer")
    FINISH = "finish", _("after finishing")
    DATE = "date", _("after a date")
    NEVER = "never", _("never")


class Confidence(models.TextChoices):
    """How sure a learner says they are of an answer: never part of a grade."""

    GUESS = "guess", _("a guess")
    LIKELY = "likely", _("fairly sure")
    CERTAIN = "certain", _("certain")


class CountedAnswers(models.Model):
    """How everybody's first answers to a question came out, counted anew every few minutes: what its difficulty is moved by.

    Of a template: those to all of its variants.
    """

    question_version = models.OneToOneField(QuestionVersion, on_delete=models.CASCADE, related_name="counted_answers")
    answers = models.PositiveIntegerField()
    reached = models.FloatField()  # the sum of their scores
    until = models.DateTimeField()  # attempts that were finished by then

    def __str__(self) -> str:
        return f"{self.reached:g} of {self.answers}"


class Quiz(models.Model):
    """A quiz's lasting identity: a lesson has one to test and one to practise."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="quizzes")
    mode = models.CharField(max_length=16, choices=QuizMode.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lesson", "mode"], name="one_quiz_per_lesson_and_mode")]

    def __str__(self) -> str:
        return self.mode


class QuizVersion(models.Model):
    """The exact questions of a quiz within one lesson version: insert-only."""

    quiz = models.ForeignKey(Quiz, on_delete=models.PROTECT, related_name="versions")
    lesson_version = models.ForeignKey(LessonVersion, on_delete=models.PROTECT, related_name="quiz_versions")
    title = models.CharField(max_length=200, blank=True)
    reveal = models.CharField(max_length=16, choices=Reveal.choices, default=Reveal.EACH)
    reveal_at = models.DateTimeField(null=True, blank=True)  # for Reveal.DATE
    minutes = models.PositiveSmallIntegerField(null=True, blank=True)  # how long an attempt may take; none: without a limit
    opens_at = models.DateTimeField(null=True, blank=True)  # no attempt begins before; none: at once
    closes_at = models.DateTimeField(null=True, blank=True)  # no attempt lasts longer, but for extra time; none: never
    attempts_allowed = models.PositiveSmallIntegerField(null=True, blank=True)  # of one person in all; none: any number
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["quiz", "lesson_version"], name="one_quiz_version_per_lesson_version")]

    def __str__(self) -> str:
        return f"{self.quiz_id} in {self.lesson_version_id}"


class QuizQuestion(models.Model):
    """One question of a quiz version, at its place: insert-only."""

    quiz_version = models.ForeignKey(QuizVersion, on_delete=models.PROTECT, related_name="quiz_questions")
    position = models.PositiveSmallIntegerField()
    question_version = models.ForeignKey(QuestionVersion, on_delete=models.PROTECT, related_name="quiz_questions")
    points = models.PositiveSmallIntegerField(default=1)
    before = models.CharField(max_length=16, blank=True)  # of a prediction: the lesson's mode that it is asked before

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["quiz_version", "position"], name="one_question_per_position")]

    def __str__(self) -> str:
        return str(self.position)


class Attempt(models.Model):
    """One sitting: open → finished. It keeps the quiz version it began with.

    A redo holds only the questions that an earlier, finished attempt missed, and follows the rules of practice.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="attempts"
    )  # none: erased
    quiz_version = models.ForeignKey(QuizVersion, on_delete=models.PROTECT, related_name="attempts")
    redo_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="redos")
    is_redo = models.BooleanField(default=False)
    started_at = models.DateTimeField(default=timezone.now)
    deadline_at = models.DateTimeField(null=True, blank=True)  # the server's; none: without a limit
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-started_at"]),
            models.Index(
                fields=["deadline_at"],
                condition=models.Q(finished_at__isnull=True, deadline_at__isnull=False),
                name="open_attempts_by_deadline",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "quiz_version", "is_redo"],
                condition=models.Q(finished_at__isnull=True),
                name="one_open_attempt_per_user_and_quiz_version",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None

    @property
    def mode(self) -> QuizMode:
        """What it is for; the redo of anything is practice."""
        return QuizMode.PRACTICE if self.is_redo else QuizMode(self.quiz_version.quiz.mode)

    @property
    def is_practice(self) -> bool:
        """Hints and further tries are allowed, and nothing counts."""
        return self.mode in HELPED

    @property
    def is_graded(self) -> bool:
        """Its points stand in the gradebook."""
        return self.mode in GRADED


class AttemptQuestion(models.Model):
    """What the learner saw of one question: the order of its options; and the answer not yet committed.

    open → (committed) answered → (the policy allows it) its answer is shown; from then on it takes no further response.
    """

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()  # from 1
    question_version = models.ForeignKey(QuestionVersion, on_delete=models.PROTECT, related_name="+")
    points = models.PositiveSmallIntegerField(default=1)
    option_order = models.JSONField()  # option keys as shown
    draft = models.JSONField(default=list, blank=True)  # option keys chosen but not committed
    draft_text = models.CharField(max_length=100, blank=True)  # what was written but not committed
    draft_confidence = models.CharField(max_length=8, choices=Confidence.choices, blank=True)
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    hint_shown_at = models.DateTimeField(null=True, blank=True)
    steps_shown = models.PositiveSmallIntegerField(default=0)
    answer_shown_at = models.DateTimeField(null=True, blank=True)
    like = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="likes"
    )  # the question, perhaps of another attempt, that the learner wanted one more like

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["attempt", "position"], name="one_question_per_place_in_attempt")]

    def __str__(self) -> str:
        return str(self.position)

    @property
    def drafted(self) -> Answer:
        """What was chosen or written but not committed."""
        return Answer(frozenset(self.draft), self.draft_text)

    @drafted.setter
    def drafted(self, answer: Answer) -> None:
        self.draft, self.draft_text = sorted(answer.options), answer.text


class Response(models.Model):
    """One committed answer: append-only. A test takes one per question; practice takes them until the answer is shown."""

    attempt_question = models.ForeignKey(AttemptQuestion, on_delete=models.CASCADE, related_name="responses")
    number = models.PositiveSmallIntegerField(default=1)
    options = models.JSONField()  # option keys; empty when the learner wrote, or gave up and asked for the steps
    text = models.CharField(max_length=100, blank=True)  # what they wrote
    gave_up = models.BooleanField(default=False)
    confidence = models.CharField(max_length=8, choices=Confidence.choices, blank=True)  # empty: not said
    idempotency_key = models.CharField(max_length=64)
    hint_seen = models.BooleanField(default=False)
    steps_seen = models.PositiveSmallIntegerField(default=0)
    committed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["attempt_question", "number"], name="one_response_per_number"),
            models.UniqueConstraint(fields=["attempt_question", "idempotency_key"], name="one_response_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return str(self.number)

    @property
    def answer(self) -> Answer:
        """What was committed."""
        return Answer(frozenset(self.options), self.text)


class RegradePolicy(models.TextChoices):
    """What becomes of the answers that an older key graded."""

    NEW = "new", _("the new key for everybody")
    BETTER = "better", _("the better of the old and the new key for each")
    FULL = "full", _("full points for everybody who answered")
    NONE = "none", _("nothing: the new key holds from now on")


class Regrade(models.Model):
    """One decision on the answers that an older key graded: insert-only. Its grades came of it, in the same transaction."""

    key_revision = models.ForeignKey(KeyRevision, on_delete=models.PROTECT, related_name="regrades")
    policy = models.CharField(max_length=8, choices=RegradePolicy.choices)
    changed = models.PositiveIntegerField()  # answers whose points are others than before
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.key_revision_id} {self.policy}"


class Grade(models.Model):
    """score = f(response, question version, key revision): append-only. The newest grade of a response counts.

    A grade of a regrade follows that one's policy, and may be better than the key alone would have it.
    """

    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="grades")
    key_revision = models.ForeignKey(KeyRevision, on_delete=models.PROTECT, related_name="+")
    regrade = models.ForeignKey(Regrade, on_delete=models.PROTECT, null=True, blank=True, related_name="grades")
    score = models.FloatField()  # 0..1
    points = models.FloatField()  # score × the question's weight
    graded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["response"], condition=models.Q(regrade__isnull=True), name="one_grade_per_response_when_committed"
            ),
            models.UniqueConstraint(fields=["response", "regrade"], name="one_grade_per_response_and_regrade"),
        ]

    def __str__(self) -> str:
        return str(self.score)


class KeyReport(models.Model):
    """A learner's word that a key is wrong: open → (an instructor answers it) answered.

    It points to the question as it was asked in that attempt, and to the key by which its learner was told.
    """

    attempt_question = models.ForeignKey(AttemptQuestion, on_delete=models.CASCADE, related_name="key_reports")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="key_reports")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="key_reports")
    key_revision = models.ForeignKey(KeyRevision, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "question"],
                condition=models.Q(answered_at__isnull=True),
                name="one_open_report_per_user_and_question",
            )
        ]

    def __str__(self) -> str:
        return self.text


class ReviewCard(models.Model):
    """What one person is asked again: a question, or the key insight of a lesson. due → (asked) due later; removed at will.

    It exists only once its person was told what was right: a card is a hint that an answer was wrong. A removed one stays, so
    that the next wrong answer doesn't bring it back.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="review_cards")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="review_cards")
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, null=True, blank=True, related_name="review_cards"
    )  # none: the lesson's key insight
    state = models.JSONField(default=dict)  # what the scheduler remembers; empty before the first review
    scheduler = models.CharField(max_length=40, blank=True)  # the library and its version that made the state
    parameters = models.CharField(max_length=64, blank=True)  # hash of what it was made with
    due_at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)  # the last time; none: never yet
    certain_and_wrong = models.BooleanField(default=False)  # the last time
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "due_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "question"],
                condition=models.Q(question__isnull=False),
                name="one_review_card_per_user_and_question",
            ),
            models.UniqueConstraint(
                fields=["user", "lesson"],
                condition=models.Q(question__isnull=True),
                name="one_insight_card_per_user_and_lesson",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.question_id or 'insight'}"

    @property
    def is_insight(self) -> bool:
        return self.question_id is None


class ReviewSitting(models.Model):
    """The cards that one person set out to review: open → finished. Its order was decided when it began."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="review_sittings")
    lesson = models.ForeignKey(
        Lesson, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )  # none: the cards of every lesson
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(finished_at__isnull=True), name="one_open_review_sitting_per_user"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


class Skipped(models.TextChoices):
    """Why a card of a sitting was not asked."""

    WITHDRAWN = "withdrawn", _("its lesson doesn’t ask it at the moment")
    REMOVED = "removed", _("you don’t want it asked again")
    LEFT = "left", _("it was left without an answer")


class ReviewItem(models.Model):
    """One card of a sitting: planned → asked → reviewed (it has a Review), or skipped."""

    sitting = models.ForeignKey(ReviewSitting, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()  # from 1
    card = models.ForeignKey(ReviewCard, on_delete=models.CASCADE, related_name="items")
    attempt_question = models.OneToOneField(
        AttemptQuestion, on_delete=models.SET_NULL, null=True, blank=True, related_name="review_item"
    )  # where a question's card is answered
    asked_at = models.DateTimeField(null=True, blank=True)
    skipped = models.CharField(max_length=10, choices=Skipped.choices, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["sitting", "position"], name="one_card_per_place_in_sitting")]

    def __str__(self) -> str:
        return str(self.position)


class Rated(models.IntegerChoices):
    """How well a card was known, in the scheduler's four words."""

    AGAIN = 1, _("Again")
    HARD = 2, _("Hard")
    GOOD = 3, _("Good")
    EASY = 4, _("Easy")


class Review(models.Model):
    """One rating of a card and what it made of it: insert-only, except that a guest's log follows the card it joins.

    It came of an answer to the question, in a sitting or elsewhere, or of the learner's own word on an insight.
    """

    card = models.ForeignKey(ReviewCard, on_delete=models.CASCADE, related_name="reviews")
    response = models.OneToOneField(Response, on_delete=models.CASCADE, null=True, blank=True, related_name="review")
    item = models.OneToOneField(ReviewItem, on_delete=models.CASCADE, null=True, blank=True, related_name="review")
    rating = models.PositiveSmallIntegerField(choices=Rated.choices)
    state = models.JSONField()  # of the scheduler, afterwards
    due_at = models.DateTimeField()  # when the card came back
    reviewed_at = models.DateTimeField()

    class Meta:
        ordering = ["reviewed_at", "pk"]

    def __str__(self) -> str:
        return str(self.rating)


class ExtraTime(models.Model):
    """What one person gets on top of an exam's minutes, in every exam of a course: given → taken back.

    A row keeps what was given, why and by whom; giving another amount takes the former row back.
    """

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="extra_times")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="extra_times")
    percent = models.PositiveSmallIntegerField(default=0)  # of the exam's minutes
    minutes = models.PositiveSmallIntegerField(default=0)  # and these
    reason = models.CharField(max_length=300)
    given_at = models.DateTimeField(default=timezone.now)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-given_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["course", "user"],
                condition=models.Q(taken_back_at__isnull=True),
                name="one_extra_time_per_course_and_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.percent} % + {self.minutes} min"


class Counting(models.TextChoices):
    """Which of several finished attempts at a test counts."""

    BEST = "best", _("the best attempt")
    LAST = "last", _("the last attempt")
    FIRST = "first", _("the first attempt")
    MEAN = "mean", _("the mean of all attempts")


class CourseGrading(models.Model):
    """How a course's owner has it graded; a course without a row counts the best attempt."""

    course = models.OneToOneField(Course, on_delete=models.CASCADE, related_name="grading")
    counting = models.CharField(max_length=8, choices=Counting.choices, default=Counting.BEST)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return self.counting


class GradeOverride(models.Model):
    """A person's grade in one quiz as somebody who teaches set it: insert-only. The newest one counts; one without a score
    takes the former back, and what was computed counts again.
    """

    quiz = models.ForeignKey(Quiz, on_delete=models.PROTECT, related_name="overrides")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grade_overrides")
    number = models.PositiveIntegerField()  # from 1
    score = models.FloatField(null=True, blank=True)  # 0..1; none: taken back
    former = models.FloatField(null=True, blank=True)  # what counted before; none: nothing did
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["quiz", "user", "number"], name="one_number_per_override"),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=1), name="an_override_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return "taken back" if self.score is None else str(self.score)
