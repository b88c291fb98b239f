# Every target sets up .venv first if needed: python3 and make are all that a new machine needs.
PYTHON ?= python3
RUN ?= outputs/quickstart

.PHONY: quickstart test test-slow format clean

quickstart: .venv/installed
	.venv/bin/facegan train configs/quickstart.yaml --out $(RUN) --resume
	test -d $(RUN)/samples || .venv/bin/facegan sample $(RUN) --out $(RUN)/samples
	test -d $(RUN)/export || .venv/bin/facegan export $(RUN) --out $(RUN)/export
	@echo
	@echo "To see the faces in your browser:  .venv/bin/facegan serve $(RUN)"

test: .venv/installed-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest -m "not slow"

test-slow: .venv/installed-dev
	.venv/bin/pytest -m slow

format: .venv/installed-dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "facegan_tf needs Python 3.11 to 3.13. $(PYTHON) --version says: $$($(PYTHON) --version 2>&1)."; \
		echo "Choose another with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Creating .venv and installing TensorFlow there. This takes a minute or two."
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/installed: .venv/bin/python setup.cfg
	.venv/bin/pip install --quiet --editable .
	touch $@

.venv/installed-dev: .venv/bin/python setup.cfg
	.venv/bin/pip install --quiet --editable ".[dev]"
	touch .venv/installed $@

clean:
	rm -rf .venv build *.egg-info
