# make demo: the codec at work on one photograph.  make test: every test.  Both set up what they need in .venv.
PYTHON ?= python3
VENV ?= .venv
# PyPI's torch for Linux brings gigabytes of CUDA libraries; PyTorch's own index has the CPU build of the same version.
# With an NVIDIA GPU: make TORCH_INDEX= demo
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# WORKERS= runs the tests one after the other, in one process.
# One worker runs all tests of a file, and sets up once what they share. The order is that of tests/conftest.py: what
# takes longest begins first, so that all workers end together.
WORKERS ?= --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint requirements.txt

.PHONY: demo test check lab notebooks execute badges site bench kodak entropy study assignments keys figures slides release clean

demo: $(VENV)/demo.stamp
	$(BIN)/python -m coin_edu demo --out demo --overwrite

# One worker a core, up to four, each with one thread: more threads than cores would wait for each other.
test: export OMP_NUM_THREADS = 1
test: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(WORKERS)

check: $(VENV)/test.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

lab: $(VENV)/lab.stamp
	$(BIN)/python -m jupyterlab notebooks

# Run them all; what each takes, and whether that is what it says.
notebooks: $(VENV)/lab.stamp
	$(BIN)/python -m tests.notebooks

# The same, and what comes out is to be committed.
execute: $(VENV)/lab.stamp
	$(BIN)/python -m tests.notebooks --write

badges: $(VENV)/test.stamp
	$(BIN)/python -m tests.badges $(URL)
	$(MAKE) assignments

# The course, how-tos and reference as a site: build/site/index.html.
site: $(VENV)/site.stamp
	$(BIN)/python -m sphinx -q -W --keep-going -n docs build/site
	$(BIN)/python -m tests.site build/site

bench: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks.speed

kodak: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks.kodak

entropy: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks.entropy

study: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks.study

# The students' notebooks, from notebooks/assignments/source.
assignments: $(VENV)/test.stamp
	for name in 1_siren 2_file 3_rate_distortion; do $(BIN)/python -m nbgrader generate_assignment \
		--course-dir="$(CURDIR)/notebooks/assignments" --no-db --force --create $$name || exit 1; done

# What would be uploaded, built and tried in an empty environment; nothing is uploaded.
release: $(VENV)/test.stamp
	$(PIP) --editable ".[release]"
	TORCH_INDEX=$(TORCH_INDEX) $(BIN)/python -m tests.release

# Their solutions with all results, to be read in a browser.
keys: $(VENV)/test.stamp
	$(BIN)/python -m nbconvert --execute --to html --output-dir notebooks/assignments/keys \
		notebooks/assignments/source/*/*.ipynb

# For lectures, from the notebooks: every figure, and slides for four weeks.
figures slides: $(VENV)/test.stamp
	$(BIN)/python -m tests.lectures $@

clean:
	rm -rf $(VENV) demo build dist *.egg-info

$(VENV)/demo.stamp: $(VENV)/python.stamp
	@echo "installing coin_edu into $(VENV)"
	$(PIP) --editable ".[plots]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/python.stamp
	@echo "installing coin_edu and its tests' packages into $(VENV)"
	$(PIP) --editable ".[plots,test,check]"
	@touch $@

$(VENV)/site.stamp: $(VENV)/python.stamp
	@echo "installing coin_edu and Sphinx into $(VENV)"
	$(PIP) --editable ".[docs]"
	@touch $@

$(VENV)/lab.stamp: $(VENV)/python.stamp
	@echo "installing coin_edu and JupyterLab into $(VENV)"
	$(PIP) --editable ".[notebooks]"
	@touch $@

$(VENV)/python.stamp: pyproject.toml requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, this is %d.%d; \
	try make PYTHON=python3.12' % sys.version_info[:2])"
	$(PYTHON) -m venv $(VENV)
	@echo "installing torch into $(VENV): some 200 MB, once"
	$(PIP) --no-deps --retries 1 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	@touch $@
