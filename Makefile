# Two commands are enough: `make lab` starts the lab, `make test` passes the tests.
# Windows without make: `py tools\setup_env.py lab` and `py tools\setup_env.py test`.
PYTHON ?= python3
SETUP = $(PYTHON) tools/setup_env.py
BIN = .venv/bin

export PORT HOST OPEN

.PHONY: lab test nightly check docs doctor lock build clean

lab: ## start the lab (PORT=8888 HOST=127.0.0.1 OPEN=yes)
	@$(SETUP) lab

test: ## make the environment and pass the tests
	@$(SETUP) test

nightly: ## the slow tests too
	@$(SETUP) test -m "nightly or not nightly"

doctor: ## say what is missing or slow here
	@$(SETUP) doctor

check: ## lint, types, floors, notebooks
	@$(SETUP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/labkit build --check

docs: ## the documentation, warnings are errors
	@$(SETUP) dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

build: ## the notebooks of the labs from their sources
	@$(SETUP) dev
	$(BIN)/labkit build

lock: ## write the locks again (maintainers; needs uv)
	$(PYTHON) tools/lock.py

clean: ## remove the environment and what was built
	rm -rf .venv docs/_build
