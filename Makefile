# The book and its tests. Everything runs from .venv, which need not be activated.
.DEFAULT_GOAL := help
# Each target needs the one before it whole.
.NOTPARALLEL:
.PHONY: help env book test serve lab assignment notebooks pins clean

PORT ?= 8000
COURSE ?= course
ASSIGNMENT ?= exercises
BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest
REPORTS = --junitxml=_build/tests

help: ## this list
	@echo "make <target>, where <target> is one of"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 14

env: ## the environment in .venv, as requirements.txt pins it (PYTHON=… chooses the Python)
	@PYTHON="$(PYTHON)" sh tools/environment.sh

book: env ## execute the notebooks and build the book into _build/html
	@$(BIN)/python -m tools.build

test: env ## style, types, strict build, unit tests, stored outputs, the pages in a browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m tools.build
	$(PYTEST) -n 2 --dist loadscope $(REPORTS)/unit.xml --ignore tests/browser
	$(PYTEST) -n 2 --dist loadscope $(REPORTS)/notebooks.xml --nbval chapters \
		--nbval-sanitize-with tests/nbval.cfg
	$(PYTEST) -n 2 --dist load $(REPORTS)/browser.xml tests/browser

serve: book ## show the book on http://localhost:8000 (PORT=… chooses another port)
	$(BIN)/python -m http.server --bind localhost --directory _build/html $(PORT)

lab: env ## open the chapters in JupyterLab
	$(BIN)/python -m jupyter lab --LabApp.default_url=/lab/tree/chapters/problem_and_sgd.ipynb

assignment: env ## students' notebooks of EXERCISES in the nbgrader course COURSE, as ASSIGNMENT
	@$(BIN)/python -m exercises release $(EXERCISES) --course $(COURSE) --assignment $(ASSIGNMENT)

notebooks: env ## run every chapter, store its text outputs, strip the rest (for authors)
	@$(BIN)/python -m tools.notebooks --run

pins: env ## write requirements.txt anew from what .venv holds (for maintainers)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m tools.pins

clean: ## remove the built book and its caches; .venv stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
