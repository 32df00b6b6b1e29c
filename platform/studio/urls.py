from django.urls import path

from studio.views import (
    answers,
    courses,
    extra_time,
    gradebook,
    keys,
    lessons,
    publishing,
    questions,
    recordings,
    reports,
    weights,
)

app_name = "studio"
_COURSE = "courses/<slug:course>/"
_LESSON = _COURSE + "lessons/<slug:lesson>/"
_QUESTION = _LESSON + "questions/<str:uid>/"
_ASKED = _LESSON + "answers/<str:uid>/<int:number>/"
urlpatterns = [
    path("", courses.home, name="home"),
    path("new/", courses.new_course, name="new_course"),
    path("weights/", weights.weights, name="weights"),
    path("weights/fetch/", weights.fetch, name="fetch_weights"),
    path(_COURSE, courses.course, name="course"),
    path(_COURSE + "edit/", courses.edit_course, name="edit_course"),
    path(_COURSE + "members/", courses.members, name="members"),
    path(_COURSE + "export/", courses.export, name="export"),
    path(_COURSE + "gradebook/", gradebook.gradebook, name="gradebook"),
    path(_COURSE + "gradebook/<int:quiz_id>/<int:person_id>/", gradebook.override, name="override"),
    path(_COURSE + "extra-time/", extra_time.extra_time, name="extra_time"),
    path(_COURSE + "gradebook.csv", gradebook.download, name="gradebook_csv"),
    path(_COURSE + "add-lesson/", courses.new_lesson, name="new_lesson"),
    path(_LESSON, lessons.lesson, name="lesson"),
    path(_LESSON + "move/", courses.move, name="move"),
    path(_LESSON + "listing/", publishing.listing, name="listing"),
    path(_LESSON + "pictures/", lessons.pictures, name="pictures"),
    path(_LESSON + "pictures/<str:name>/", lessons.picture, name="picture"),
    path(_LESSON + "pictures/<str:name>/remove/", lessons.remove_picture, name="remove_picture"),
    path(_LESSON + "recordings/", recordings.recordings, name="recordings"),
    path(_LESSON + "recordings/<str:name>/remove/", recordings.remove, name="remove_recording"),
    path(_LESSON + "documents/", lessons.documents, name="documents"),
    path(_LESSON + "documents/<str:name>/", lessons.document, name="document"),
    path(_LESSON + "questions/", questions.questions, name="questions"),
    path(_LESSON + "add-question/", questions.new_question, name="new_question"),
    path(_LESSON + "move-question/", questions.move, name="move_question"),
    path(_QUESTION, questions.question, name="question"),
    path(_QUESTION + "duplicate/", questions.duplicate, name="duplicate"),
    path(_QUESTION + "delete/", questions.delete, name="delete"),
    path(_LESSON + "misconceptions/", questions.misconceptions, name="misconceptions"),
    path(_LESSON + "check/", publishing.check, name="check"),
    path(_LESSON + "publish/", publishing.publish, name="publish"),
    path(_LESSON + "history/", publishing.history, name="history"),
    path(_LESSON + "history/<int:number>/restore/", publishing.restore, name="restore"),
    path(_LESSON + "answers/", answers.answers, name="answers"),
    path(_LESSON + "answers.csv", answers.download, name="answers_csv"),
    path(_LESSON + "reports/", reports.reports, name="reports"),
    path(_ASKED + "key/", keys.key, name="key"),
    path(_ASKED + "regrade/", keys.regrade, name="regrade"),
]
