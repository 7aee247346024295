# make demo   sets up what it needs and runs the main job (PHOTOS=DIR for your own folder)
# make test   sets up what it needs and passes every check
# make docs   sets up what it needs and builds the documentation into build/site, warnings being errors
# make test-cnn   the tests that need torch, torchvision and timm, in an environment of their own
# make test-mmseg   the tests that need torch and mmsegmentation, in an environment of their own

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PHOTOS ?=

.PHONY: demo docs test test-cnn test-mmseg format clean

demo: $(VENV)/.demo
	$(BIN)/semsig demo $(if $(PHOTOS),--photos "$(PHOTOS)") --out demo
	@echo 'For a page that searches them: $(BIN)/pip install -e ".[serve]" && $(BIN)/semsig demo --out demo --serve'

test: $(VENV)/.dev
	VENV=$(VENV) bash scripts/check

docs: $(VENV)/.docs
	PYTHONPATH=.:kernels NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo 'Read build/site/index.html'

test-mmseg: .venv-mmseg/.ready
	.venv-mmseg/bin/python -m pytest -m mmseg

test-cnn: .venv-cnn/.ready
	.venv-cnn/bin/python -m pytest -m "cnn or mmseg" tests/segment/test_cnn.py tests/finetune

format: $(VENV)/.dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/.docs: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

.venv-mmseg/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-mmseg
	.venv-mmseg/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-mmseg/bin/python -m pip install --quiet $(if $(TORCH),"$(TORCH)") --editable ".[mmseg]" --group test --group mentor
	touch $@

.venv-cnn/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-cnn
	.venv-cnn/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-cnn/bin/python -m pip install --quiet --editable ".[cnn]" timm --group test
	touch $@

clean:
	rm -rf .venv .venv-cnn .venv-mmseg demo build dist
