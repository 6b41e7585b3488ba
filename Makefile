# The two commands of the README are `make demo` and `make test`; both make their environment first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := demo

.PHONY: demo test test-slow test-cluster test-slurm examples docs tutorials bench lint clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV) || ($(PYTHON) -m pip install --user virtualenv && $(PYTHON) -m virtualenv $(VENV))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $(READY)

demo: $(READY)
	rm -rf $(DEMO)
	mkdir $(DEMO)
	cp examples/iris/iris.toml examples/iris/iris.csv $(DEMO)
	cd $(DEMO) && ../$(BIN)/llgmin run iris.toml -o minima.h5
	cd $(DEMO) && ../$(BIN)/llpathsample grow minima.h5 -o landscape.h5
	cd $(DEMO) && ../$(BIN)/llpathsample tree landscape.h5 -o tree.svg
	cd $(DEMO) && ../$(BIN)/llpathsample tree landscape.h5 -o tree.png -q
	@echo
	@$(BIN)/llpathsample stats $(DEMO)/landscape.h5 | grep -E '^(minima|transition_states|minima_in_main_component|lowest_loss)[[:space:]]'
	@echo "The disconnectivity graph is $(DEMO)/tree.svg (and tree.png), the landscape $(DEMO)/landscape.h5."

# The kernels first: each of pytest's processes would compile all of them. Worksteal: what the tests of a file share is
# made by one process, not by both.
test: $(READY)
	$(BIN)/python -m llcommon.compilation
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'not slow and not cluster'

test-slow: $(READY)
	$(BIN)/python -m pytest -q -n 2 -m 'slow and not cluster'

# Growth in a Dask cluster and in a Slurm, both of its own on this host.
test-cluster: $(READY)
	$(BIN)/python -m llcommon.compilation
	$(BIN)/python -m pytest -q -n 0 tests/cluster

# Of these the ones in Slurm that take no minutes, as wall times do.
test-slurm: $(READY)
	$(BIN)/python -m pytest -q -n 0 tests/cluster -m 'cluster and not slow'

# Every folder of examples/, from its TOML files to its trees and tables: half an hour or so on two cores, most of it for applications,
# bayes and choose-k. EXAMPLES="xor gp": only these.
EXAMPLES ?= $(notdir $(patsubst %/Makefile,%,$(wildcard examples/*/Makefile)))
examples: $(READY)
	@for name in $(EXAMPLES); do \
	  echo "== examples/$$name" && $(MAKE) --no-print-directory -C examples/$$name BIN=$(CURDIR)/$(BIN) || exit 1; \
	done

$(VENV)/.docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $(VENV)/.docs

# The site, docs/_build/html/index.html. Nothing is computed and nothing fetched: figures lie in docs/figures.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -b html -c docs . docs/_build/html
	@echo "The documentation is docs/_build/html/index.html."

# Every command that the tutorials show, run in order; what is no longer true is written anew, figures too. PAGES="cluster":
# only these.
PAGES ?=
tutorials: $(READY)
	$(BIN)/python docs/tools/run_pages.py --write $(PAGES)

# Beside the original programs, topsearch and SciPy; makes throw-away environments of its own for them. BENCH: tasks and
# options of benchmarks/run.py, such as BENCH="kernels cores --repeats 3"; none: everything, half an hour or more.
BENCH  ?=
bench: $(READY)
	$(BIN)/python benchmarks/run.py $(BENCH)

lint: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ruff
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) $(DEMO) .bench-venv .bench-venv-topsearch .bench-venv-pele .bench-venv-pygt build dist docs/_build *.egg-info
