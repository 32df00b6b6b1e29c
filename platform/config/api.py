"""The HTTP API, put together from each room's router."""

from accounts.api import router as accounts
from accounts.auth import Api
from inference.api import router as inference
from inference.networks.api import router as networks
from inference.sharing.api import router as sharing
from inference.training.api import router as training
from lessons.api import router as lessons
from quizzes.api import router as quizzes
from quizzes.grades_api import router as grades
from quizzes.misconceptions.api import router as misconceptions
from quizzes.reviewing.api import router as reviewing
from web.problems import install_problem_handlers

api = Api(title="Forward Pass", version="1", docs_url=None, openapi_url="/openapi.json")
install_problem_handlers(api)
for router in (accounts, inference, networks, sharing, training, lessons, quizzes, grades, misconceptions, reviewing):
    api.add_router("", router)
