# run · test · check · bench: each sets up what it needs on a fresh machine.
#
#   make run TORCH_INDEX=cpu      the CPU build of PyTorch (about 200 MB) instead of the one with CUDA (several GB)
#   make run PYTHON=python3.12    another Python than the first suitable one on PATH
#   make run PORT=8080            any setting of README.md's table can be given here or in the environment

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do command -v $$name && break; done)
VENV := .venv/bin
NO_PYTHON := echo "There is no Python here: install Python 3.11, or name yours, as in make run PYTHON=/opt/bin/python3.11"; false
SET_UP := $(if $(PYTHON),"$(PYTHON)" -I platform/operations/install.py,$(NO_PYTHON))
PYTEST := $(VENV)/python -m pytest -q
# The floor is for all of them together: make coverage.
COVER := --cov --cov-report= --cov-fail-under=0
ROOM := $(COVER) -p no:cacheprovider
PRODUCT := manage.py platform lessons quizzes inference


.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run doctor instructor test set-up-tests test-engine test-others test-journeys check lint types layers templates migrations coverage bench bench-page picture clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

setup: ## .venv with the pinned packages
	@$(SET_UP) run

run: setup ## the site, its Redis and its workers, until Ctrl-C
	@exec $(VENV)/python manage.py run

doctor: setup ## what is wrong with this installation
	@$(VENV)/python manage.py doctor

instructor: setup ## the studio for an account: make instructor EMAIL=you@example.org
	@$(VENV)/python manage.py make_instructor "$(EMAIL)"

set-up-tests:
	@$(SET_UP) test

# Two groups that take about as long as each other run side by side; what the second one says comes last, in one piece.
# Each part has a data folder and a file of coverage of its own.
test: set-up-tests ## every test, the browser journeys included
	@rm -f .coverage.*; mkdir -p artifacts
	@$(MAKE) --no-print-directory test-engine test-journeys >artifacts/tests-beside.log 2>&1 & beside=$$!; \
	trap 'kill $$beside' INT TERM; \
	$(MAKE) --no-print-directory test-others; others=$$?; \
	wait $$beside; beside=$$?; cat artifacts/tests-beside.log; exit $$((beside | others))

test-engine: set-up-tests
	COVERAGE_FILE=.coverage.inference $(PYTEST) tests/inference $(ROOM)

test-others: set-up-tests
	COVERAGE_FILE=.coverage.others $(PYTEST) tests --ignore=tests/inference --ignore=tests/journeys $(ROOM)

# Playwright's event loop needs DJANGO_ALLOW_ASYNC_UNSAFE in its whole process: journeys run apart.
test-journeys: set-up-tests
	COVERAGE_FILE=.coverage.journeys $(PYTEST) tests/journeys $(COVER)

check: set-up-tests lint types layers templates migrations test coverage ## what CI runs
	@echo "Everything passed."

lint: set-up-tests
	$(VENV)/ruff check $(PRODUCT) tests
	$(VENV)/ruff format --check $(PRODUCT) tests

types: set-up-tests
	$(VENV)/mypy $(PRODUCT)

layers: set-up-tests
	PYTHONPATH=platform:. $(VENV)/lint-imports

templates: set-up-tests
	$(VENV)/djlint --lint platform lessons quizzes inference --extension html

migrations: set-up-tests
	$(VENV)/python manage.py makemigrations --check --dry-run

coverage: set-up-tests
	$(VENV)/coverage combine --keep --quiet
	$(VENV)/coverage report --skip-covered

bench: set-up-tests ## speed, as ratios within one run: a table, and artifacts/bench.json
	$(VENV)/python -m tests.benchmarks.report

bench-page: set-up-tests ## docs/performance.md, from what make bench measured
	$(VENV)/python -m tests.benchmarks.report --write-docs

picture: ## README's picture, from the journey's screenshot (make test-journeys)
	$(VENV)/python -c "from PIL import Image; shot = Image.open('artifacts/screenshots/run-after-desktop.png').convert('RGB'); shot.crop((100, 0, 1180, 2650)).resize((720, 1767)).save('docs/run.jpg', quality=78)"

clean: ## remove .venv and caches; data/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage artifacts
