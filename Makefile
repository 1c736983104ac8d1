# Every target makes the environment that it needs, in .venv, the first time and when the dependencies change.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# So many notebooks and tests run at once in `make test`; each takes a core and up to 3 GB.
AT_ONCE ?= 2

# The kernel of this environment, even where the user has another one of the same name; pictures in the notebook.
export JUPYTER_PREFER_ENV_PATH := 1
unexport JUPYTER_PATH MPLBACKEND

# Root needs leave to serve; without a screen there is no browser to open, only a URL to print.
LAB_FLAGS := --LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb --KernelSpecManager.allowed_kernelspecs=python3
ifeq ($(shell id -u),0)
LAB_FLAGS += --allow-root
endif
ifeq ($(shell uname -s)$(DISPLAY)$(WAYLAND_DISPLAY)$(BROWSER),Linux)
LAB_FLAGS += --no-browser
endif

HOST ?= 127.0.0.1
PORT ?= 8000
# Where `make wheelhouse TORCH=cpu` finds a PyTorch without CUDA: it sorts higher than PyPI's, so pip takes it.
CPU_INDEX := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)

.DEFAULT_GOAL := help
.PHONY: help lab book serve labs test bench format freeze wheelhouse clean

help: ## these lines
	@sed -n 's/^\([a-z]*\):[^#]*## /make \1	/p' Makefile

lab: $(READY) ## open JupyterLab at the first notebook
	$(PY) -m jupyterlab $(LAB_FLAGS)

book: $(READY) ## run the notebooks and build the book: book/_build/html/index.html
	rm -rf book/_build/html
	$(VENV)/bin/jupyter-book build . --config book/_config.yml --toc book/_toc.yml --path-output book/ -W --keep-going --all

serve: $(READY) ## show the built book at http://127.0.0.1:8000; for others in your network: make serve HOST=0.0.0.0
	@test -f book/_build/html/index.html || { echo "The book is not built yet: make book"; exit 1; }
	$(PY) -m http.server --directory book/_build/html --bind $(HOST) $(PORT)

test: $(READY) ## everything: style, the book with warnings as errors, links, unit tests
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	BOOK_AT_ONCE=$(AT_ONCE) $(MAKE) --no-print-directory book
	REQUIRE_BOOK=1 $(PY) -m pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder

labs: $(READY) ## what students and teachers of a course get: labs/release, labs/solution, labs/archive
	$(PY) -m diffpose_nb.labs make

bench: $(READY) ## measure the renderers side by side and write the book's page of it
	$(PY) -m benchmarks --write

format: $(READY) ## put code and notebooks into the form that the tests ask for
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) book/format_assets.py
	$(PY) -m nbstripout --keep-id --extra-keys "metadata.kernelspec metadata.language_info.version" \
		notebooks/*.ipynb notebooks/solutions/*.ipynb labs/source/*.ipynb labs/source/*/*.ipynb

freeze: $(READY) ## write the installed versions to constraints.txt
	sed -n '/^#/p' constraints.txt > $(VENV)/frozen.txt
	$(PY) -m pip freeze --exclude-editable | grep -Ev '^(nvidia-|cuda-|triton|#)' >> $(VENV)/frozen.txt
	mv $(VENV)/frozen.txt constraints.txt

# The project itself is not in it, since it is installed from the clone. setuptools is what installs it.
wheelhouse: $(READY) ## all packages as files, for computers without a network; without CUDA: make wheelhouse TORCH=cpu
	rm -rf wheelhouse
	$(PY) -m pip wheel --wheel-dir wheelhouse -c constraints.txt $(CPU_INDEX) ".[book,test,reference]" pip "setuptools>=77"
	rm -rf wheelhouse/diffpose_nb-*.whl build
	@$(PY) -c "$$WHEELHOUSE_README" > wheelhouse/README.md

clean: ## delete what can be built again (the environment stays: rm -r .venv)
	rm -rf book/_build diffpose_nb/__pycache__ .pytest_cache .ruff_cache .hypothesis

define CHECK_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed, and this is %d.%d (%s). Name a newer one: make PYTHON=python3.12 ..."
             % (sys.version_info[0], sys.version_info[1], sys.executable))
try:
    import ensurepip, venv
except ImportError:
    sys.exit("This Python (%s) cannot make environments. On Debian and Ubuntu: sudo apt install python3-venv"
             % sys.executable)
endef
export CHECK_PYTHON

define WHEELHOUSE_README
import pathlib, sys, sysconfig
wheels = sorted(pathlib.Path("wheelhouse").glob("*.whl"))
gigabytes = sum(wheel.stat().st_size for wheel in wheels) / 1e9
print(f"""# What the project needs, to be installed without a network

{len(wheels)} packages, {gigabytes:.1f} GB, for **Python {sys.version_info[0]}.{sys.version_info[1]} on
{sysconfig.get_platform()}** and no other: compiled packages fit one version of Python on one kind of computer.

Copy the repository, with this folder in it, to the computer. Then, in the repository's folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install --no-index --find-links wheelhouse -c constraints.txt -e ".[book,test,reference]"
    .venv/bin/python -m diffpose_nb.commands.warm

or, where there is make, which does the same and opens JupyterLab:

    PIP_NO_INDEX=1 PIP_FIND_LINKS=wheelhouse make lab

For the notebooks alone, without the book and the tests, write -e . in place of the last argument. On Windows, write
.venv\\Scripts\\python for .venv/bin/python, and py for python3.""")
endef
export WHEELHOUSE_README

# A .venv that works is kept, since it may hold a PyTorch that you chose; one that was cut short is made anew.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python ..."; exit 1; }
	@$(PYTHON) -c "$$CHECK_PYTHON"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --disable-pip-version-check -c constraints.txt -e ".[book,test,reference,labs]"
	$(PY) -m diffpose_nb.commands.warm
	@touch $(READY)
