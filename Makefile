# The only menu. `make help` lists it.

.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

PYTHON := .venv/bin/python
# Stamps are named after what they stand for, so that a changed lock is noticed and an interrupted set-up leaves none.
STAMP := .venv/installed-$(shell sha256sum requirements.lock | cut -c1-16)
STACK ?= run
ARGS ?=

.PHONY: help setup run stop reset restart status logs clock test check fmt lint types imports unit laws bench oracle lock prepare

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '%-9s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## Install everything the project needs below .venv and .local (nothing when it is there)
	@$(PYTHON) -m deploy.kafka.jars install

$(STAMP): requirements.lock
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@rm -f .venv/installed-*
	@touch $@

run: setup ## Start the whole house in the background and open the demo tenant
	@$(PYTHON) -m deploy.local up --stack $(STACK)
	@if [ -f deploy/local/demo.py ]; then $(PYTHON) -m deploy.local.demo --stack $(STACK); fi

stop: setup ## Stop it; data stays (STACK=run|test|bench)
	@$(PYTHON) -m deploy.local down --stack $(STACK)

reset: setup ## Stop it and delete its data
	@$(PYTHON) -m deploy.local reset --stack $(STACK)

restart: setup ## Start all roles anew with the code as it is now
	@$(PYTHON) -m deploy.local restart --stack $(STACK)

status: setup ## Show what runs, since when, and whether it is ready
	@$(PYTHON) -m deploy.local status --stack $(STACK)

logs: setup ## Show all logs merged by time (ARGS="--follow --role mailbox-writer")
	@$(PYTHON) -m deploy.local logs --stack $(STACK) $(ARGS)

clock: setup ## Say how far the clock is shifted for demonstration, or shift it (ARGS="--forward 366d")
	@$(PYTHON) -m deploy.local clock --stack $(STACK) $(ARGS)

prepare: setup ## Make missing topics and apply new migrations, by the POSTFACH_ settings
	@$(PYTHON) -m deploy.prepare

test: setup ## Run everything: check, then all tests on a stack of their own (ARGS="-k import")
	@$(MAKE) --no-print-directory format-check lint types imports
	@$(PYTHON) -m deploy.local reset --stack test >/dev/null
	@$(PYTHON) -m deploy.local up --stack test >/dev/null; code=$$?; \
	if [ $$code -eq 0 ]; then POSTFACH_TEST_STACK=test $(PYTHON) -m pytest --ignore=tests/bench tests $(ARGS); code=$$?; fi; \
	$(PYTHON) -m deploy.local down --stack test >/dev/null || code=1; \
	exit $$code

check: setup format-check lint types imports ## Everything that needs no stack: format, lint, types, imports, pure tests
	@$(PYTHON) -m pytest -q $(wildcard tests/unit tests/laws tests/contract tests/architecture) $(ARGS)

.PHONY: format-check
format-check: setup
	@$(PYTHON) -m ruff format --check --quiet

fmt: setup ## Format the code and sort the imports
	@$(PYTHON) -m ruff check --quiet --select I --fix
	@$(PYTHON) -m ruff format

lint: setup ## Look for mistakes with ruff
	@$(PYTHON) -m ruff check --quiet

types: setup ## Check the types with basedpyright, strict
	@$(PYTHON) -m basedpyright

imports: setup ## Hold the table "Who may import whom"
	@.venv/bin/lint-imports --no-cache

unit: setup ## Run the unit tests
	@$(PYTHON) -m pytest -q tests/unit $(ARGS)

laws: setup ## Run the laws by hypothesis
	@$(PYTHON) -m pytest -q tests/laws $(ARGS)

bench: setup ## Measure on a stack of its own and print a table
	@$(PYTHON) -m deploy.local reset --stack bench >/dev/null
	@$(PYTHON) -m deploy.local up --stack bench >/dev/null; code=$$?; \
	if [ $$code -eq 0 ]; then POSTFACH_TEST_STACK=bench $(PYTHON) -m tests.bench $(ARGS); code=$$?; fi; \
	$(PYTHON) -m deploy.local down --stack bench >/dev/null || code=1; \
	exit $$code

oracle: setup ## Check every invariant on the log (STACK=run|test|bench)
	@$(PYTHON) -m tests.oracle --stack $(STACK) $(ARGS)

lock: setup ## Make requirements.lock, its part for the image, and deploy/kafka/jars.lock anew
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --extra local --extra dev --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml $(ARGS)
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --custom-compile-command "make lock" --constraint requirements.lock \
		--output-file requirements-runtime.lock pyproject.toml
	@$(PYTHON) -m deploy.kafka.jars lock
