# Two commands are enough: `make lab` starts the lab, `make test` passes the tests.
# Windows without make: `py tools\setup_env.py lab` and `py tools\setup_env.py test`.
PYTHON ?= python3
SETUP = $(PYTHON) tools/setup_env.py
BIN = .venv/bin

export PORT HOST OPEN

.DEFAULT_GOAL := help
.PHONY: help lab test nightly setup dev doctor check docs build bench lock clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

lab: ## start the lab (PORT=8888 HOST=127.0.0.1 OPEN=yes)
	@$(SETUP) lab

test: ## make the environment and pass the tests (ARGS=tests/unit for some of them)
	@$(SETUP) test $(ARGS)

nightly: ## the slow tests too
	@$(SETUP) test -m "nightly or not nightly" --hypothesis-profile=search

setup: ## only make the environment
	@$(SETUP) setup

dev: ## make the environment with the tools for development
	@$(SETUP) dev

doctor: ## say what is missing or slow here, and how to mend it
	@$(SETUP) doctor

check: dev ## lint, types, floors, notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/labkit build --check
	$(BIN)/labkit exam check
	@$(BIN)/labkit quiz check || echo "warning: questions to read again"
	@$(BIN)/labkit standards --lint || echo "warning: facts to read again"

docs: dev ## the documentation into docs/_build/html; warnings are errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

build: dev ## the notebooks of the labs from their sources
	$(BIN)/labkit build

bench: dev ## measure how fast it is here
	$(BIN)/python -m benchmarks

lock: ## write the locks again (maintainers; needs uv)
	$(PYTHON) tools/lock.py

clean: ## remove the environment and what was built
	rm -rf .venv docs/_build
