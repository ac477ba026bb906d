# The book and its tests. Everything runs from .venv, which need not be activated.
.DEFAULT_GOAL := help
# Each target needs the one before it whole.
.NOTPARALLEL:
.PHONY: help env dev book check test rerun serve lab assignment notebooks pins clean

PORT ?= 8000
COURSE ?= course
ASSIGNMENT ?= exercises
BIN := .venv/bin

help: ## this list
	@echo "make <target>, where <target> is one of"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 14

env: ## what builds the book, in .venv, as requirements.txt pins it (PYTHON=… chooses the Python)
	@PYTHON="$(PYTHON)" sh tools/environment.sh

dev: ## env, and what tests it and grades a class: requirements-dev.txt
	@PYTHON="$(PYTHON)" sh tools/environment.sh dev

book: env ## execute the notebooks and build the book into _build/html
	@$(BIN)/python -m tools.build

check: dev ## in short: style, types, tests not marked slow of the packages changed since main
	@$(BIN)/python -m tools.check

test: dev ## everything: style, types, strict build, unit tests, outputs, the pages in a browser
	@$(BIN)/python -m tools.check --all

rerun: dev ## execute every notebook anew, by nbval, and compare (test compares the build's copies)
	$(BIN)/python -m pytest -n 2 --dist loadscope --nbval chapters --nbval-sanitize-with tests/nbval.cfg

serve: book ## show the book on http://localhost:8000 (PORT=… chooses another port)
	$(BIN)/python -m http.server --bind localhost --directory _build/html $(PORT)

lab: env ## open the chapters in JupyterLab
	$(BIN)/python -m jupyter lab --LabApp.default_url=/lab/tree/chapters/problem_and_sgd.ipynb

assignment: dev ## students' notebooks of EXERCISES in the nbgrader course COURSE, as ASSIGNMENT
	@$(BIN)/python -m exercises release $(EXERCISES) --course $(COURSE) --assignment $(ASSIGNMENT)

notebooks: dev ## execute the chapters, store their text outputs, strip the rest (for authors)
	@$(BIN)/python -m tools.notebooks --run

pins: dev ## write requirements*.txt anew from what .venv holds (for maintainers)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m tools.pins

clean: ## remove the built book and its caches; .venv stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
