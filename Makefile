# Needs Python 3.11 or later and make; everything else is set up here.

PYTHON ?= python3.11
TORCH_VERSION ?= 2.13.0
# The build of torch: cpu, or a CUDA of PyTorch's index (make setup TORCH_BUILD=cu130).
TORCH_BUILD ?= cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/$(TORCH_BUILD)
PYTEST_ARGS ?= -n auto --dist worksteal

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PARITY_PIP := build/parity-venv/bin/python -m pip --disable-pip-version-check
# Which cache folder the weights and the demo data were fetched into.
FETCHED := $(VENV)/.fetched
CACHE := $(or $(AUTOSAM_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/autosam)
TORCH_STAMP := $(VENV)/.torch-$(TORCH_VERSION)-$(TORCH_BUILD)
ATHERIS := atheris==3.0.0
# torchvision of PyPI breaks beside a CPU torch; triton and the CUDA libraries are gigabytes that a CPU has no use for.
UNWANTED := torchvision|timm
ifeq ($(TORCH_BUILD),cpu)
UNWANTED := $(UNWANTED)|triton|nvidia-.*|cuda-.*
endif

# The hashes of requirements.lock are those of one platform's wheels; elsewhere its versions hold alone.
LOCKED_FOR := import platform, sys; print((platform.system(), platform.machine(), *sys.version_info[:2]) == ('Linux', 'x86_64', 3, 11))

.DELETE_ON_ERROR:
.PHONY: help setup demo test check bench faults kills properties fuzz lock parity format clean

help:
	@echo "make setup    make .venv with .venv/bin/autosam, fetch and check the default SAM and the demo data"
	@echo "make demo     train, predict and evaluate on slices of a brain template"
	@echo "make test     run the tests"
	@echo "make check    lint, types, floors"
	@echo "make bench    measure what is said to be fast, both sides in one run (BENCH='step --rounds 3' for a part)"
	@echo "make faults   every fault of the list through the real command line, 20 kills among them: 20 to 25 minutes"
	@echo "make kills    200 kills in every stage of trainings, resumed and compared to the byte: an hour and a quarter"
	@echo "make properties   more than 10 000 examples of what must hold of every input"
	@echo "make fuzz     coverage-guided fuzzing of the readers; FUZZ_SECONDS each"
	@echo "make lock     write requirements.lock: the hashes of what constraints.txt names"
	@echo "make parity   hold the metrics against other implementations, in an environment of their own"
	@echo "make format   let ruff format and mend what it can"
	@echo "make clean    remove what was built, but for .venv"

setup: $(VENV)/.packages
	@if ! { test "$$(cat $(FETCHED) 2>/dev/null)" = "$(CACHE)" && \
	  test -f "$(CACHE)/weights/litemedsam.safetensors" && test -d "$(CACHE)/demo"; }; then \
	  $(BIN)/autosam fetch litemedsam && $(BIN)/autosam fetch demo-data && echo "$(CACHE)" > $(FETCHED); fi

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is missing or older than 3.11. Install Python 3.11, or name one: make setup PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt pip
	@touch $@

# torch first, without its dependencies, so that nothing asks PyPI for its CUDA build; they follow with the package's own.
$(TORCH_STAMP): $(VENV)/.python
	$(PIP) install --quiet --no-deps "torch==$(TORCH_VERSION)+$(TORCH_BUILD)" || \
	  $(PIP) install --quiet --no-deps --index-url "$(TORCH_INDEX)" "torch==$(TORCH_VERSION)"
	@rm -f $(VENV)/.torch-*
	@touch $@

$(VENV)/.packages: $(TORCH_STAMP) pyproject.toml constraints.txt requirements.lock
	@if test "$$($(BIN)/python -c "$(LOCKED_FOR)")" = True; then \
	  $(PIP) install --quiet --require-hashes --no-deps --requirement requirements.lock; fi
	$(PIP) install --quiet --constraint constraints.txt --editable . --group dev
	@if $(PIP) list --format=freeze | grep -iE '^($(UNWANTED))=='; then \
	  echo "These packages must not be in $(VENV). Remove it (rm -rf $(VENV)) and run make setup again." >&2; exit 3; fi
	@touch $@

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/mni152/run.sh build/demo

# Trainings are stopped by signals: they run in processes that have run nothing else.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS) --ignore=tests/training
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS) tests/training

check: $(VENV)/.packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m bench $(BENCH)

faults: setup
	$(BIN)/python -m harness.faults $(FAULTS_ARGS)

kills: setup
	$(BIN)/python -m harness.kills $(KILLS_ARGS)

properties: setup
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/properties --hypothesis-show-statistics $(PYTEST_ARGS)

FUZZ_SECONDS ?= 60
fuzz: setup build/fuzz-site/.$(ATHERIS)
	PYTHONPATH=build/fuzz-site $(BIN)/python -m harness.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_ARGS)

# Only fuzzing needs it, and it patches what it is loaded with: a folder of its own.
build/fuzz-site/.$(ATHERIS):
	rm -rf build/fuzz-site
	$(PIP) install --quiet --no-deps --only-binary :all: --target build/fuzz-site "$(ATHERIS)"
	@touch $@

lock: $(VENV)/.packages
	$(BIN)/python .ci/lock.py

parity: build/parity-venv/.packages
	OMP_NUM_THREADS=1 PYTHONPATH=src build/parity-venv/bin/python parity/compare.py --write

# Some oracles hold numpy back, so they stay out of $(VENV). torch first, as there.
build/parity-venv/.packages: parity/requirements.txt
	$(PYTHON) -m venv build/parity-venv
	$(PARITY_PIP) install --quiet --no-deps "torch==$(TORCH_VERSION)+cpu" || \
	  $(PARITY_PIP) install --quiet --no-deps --index-url "$(TORCH_INDEX:$(TORCH_BUILD)=cpu)" "torch==$(TORCH_VERSION)"
	$(PARITY_PIP) install --quiet --requirement $<
	@touch $@

format: $(VENV)/.packages
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests examples bench harness parity .ci -name __pycache__ -type d -prune -exec rm -rf {} +
