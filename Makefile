## The course on homomorphic encryption. The first call sets up .venv (one to two minutes; Pyfhel compiles beside, three
## to eight minutes, and what needs it waits for it); later calls start at once.
##
##   make lab         open the notebooks in JupyterLab; more options: make lab LAB_OPTIONS=--no-browser
##   make app         open the health screening of notebook 12 as a page of its own, on this computer
##   make check       run the quick checks: lint, format, import contracts, types, quick tests of what computes
##   make test        run every check, the stored outputs of all notebooks included
##   make fuzz        send 20,000 hostile bodies to a server of its own; another number or a seed that was printed:
##                    make fuzz FUZZ_OPTIONS="--bodies 500 --seed 1"
##   make demo        run the role notebooks and the DataFrame notebook here, and print the decrypted tables
##   make notebooks   re-execute all notebooks in place and so renew their stored outputs
##   make bench       measure speed and size; writes bench.json
##   make sizing      measure the memory and processor time that each notebook needs (Linux)
##   make assignments write the students' versions of the labs to build/assignments
##   make grade SUBMISSIONS=folder
##                    grade what lies there, a folder for each student, into build/grades: grades.csv and feedback
##   make book        build the site to read without installing: build/book/index.html
##   make slides      build the slides on the theory: build/slides/index.html
##   make data        make the tables in data/ again
##   make lock        make requirements.lock again; newest versions: make lock LOCK_OPTIONS=--upgrade
##   make fresh       stop the course's servers and delete the workspace with its keys: begin anew
##   make clean       remove .venv, caches and executed copies; the workspace with its keys stays
##
## Python 3.11 to 3.13 is looked for; to name one, on the first call: make lab PYTHON=python3.12

VENV = .venv
RUN = $(VENV)/bin/python
INTERPRETERS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
PROCESSES = 2
# The quick tests collect all tests, so that a file that cannot be imported is noticed, and run what computes and decides.
# Left out are, beside the tests marked slow: the notebooks and their rules, the lab and what is built around it; of the
# server what its addresses answer (the steps behind them are run); of the schemes what each does with wrong input and
# with arrays of every layout.
NOT_QUICK = $(addprefix tests/,book/ browser/ classroom/ data/ fuzz/ installation/ lab/ notebooks/ \
  $(addprefix server/test_,audit_chain.py interface.py listings.py moves.py quorum.py scoring.py serving.py) \
  $(addprefix schemes/test_,arrays.py bad_input.py))
# SEAL keeps the memory of keys that are gone until its process ends. So that no process of the unit tests holds a
# gigabyte, they run in parts, one call after the other; OTHERS is what the first four do not name.
SCHEMES = tests/schemes
NUMBERS = $(addprefix tests/,advice computing parameters tables)
PEOPLE = $(addprefix tests/,audit quarantine quorum roles)
LESSONS = $(addprefix tests/,browser data installation lab notebooks)
OTHERS = $(filter-out %/__pycache__ $(SCHEMES) $(NUMBERS) $(PEOPLE) $(LESSONS),$(patsubst %/,%,$(wildcard tests/*/)) \
  $(wildcard tests/test_*.py))
QUICK_PARTS = quick-schemes quick-numbers quick-people quick-others
# Without the plugin that compares notebooks: no unit test needs it, and each process would import it for two seconds.
UNIT_TESTS = $(RUN) -m pytest -p no:nbval -n $(PROCESSES) --dist loadfile
# Where the environment forbids to keep bytecode, each process would compile again what it imports: a second and more.
unexport PYTHONDONTWRITEBYTECODE
LAB_OPTIONS =
APP_OPTIONS =
LOCK_OPTIONS =
FUZZ_OPTIONS =

.PHONY: help beside learner checks teaching style types static $(QUICK_PARTS) lab app check test fuzz demo notebooks \
  bench sizing assignments grade book slides data lock fresh clean

help:
	@sed -n 's/^## \{0,1\}//p' Makefile

# The installer itself knows what is done already, by the content of the lock, so it is always asked. `beside` leaves
# Pyfhel compiling; whatever needs all of the libraries waits for it.
beside: $(RUN)
	@$(RUN) -m he_helpers.installation --beside learner

learner checks teaching: $(RUN)
	@$(RUN) -m he_helpers.installation $@

# A version manager may put a python3 in the path that fails when it is run: take the first that works.
$(RUN):
	@for python in $(INTERPRETERS); do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	      2>/dev/null; then \
	    echo "Making $(VENV) with $$python."; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "Python 3.11 to 3.13 with its venv module is needed. Tried, and none of them is: $(INTERPRETERS)." >&2; \
	echo "Install one (Debian, Ubuntu: sudo apt install python3 python3-venv python3-dev), or name one:" >&2; \
	echo "make PYTHON=python3.12 lab" >&2; \
	exit 1

lab: beside
	@$(RUN) -m he_helpers.lab.running.jupyterlab $(LAB_OPTIONS)

app: beside
	@$(RUN) -m he_helpers.lab.screening.screening_app $(APP_OPTIONS)

style:
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

types:
	$(RUN) -m mypy

# What is seen without running anything.
static: style types

# Parts that need no process to hand out tests, which would take a third of the time.
style types $(QUICK_PARTS): checks
quick-schemes: TESTS = $(SCHEMES)
quick-numbers: TESTS = $(NUMBERS)
quick-people: TESTS = $(PEOPLE)
quick-others: TESTS = $(LESSONS) $(OTHERS)
$(QUICK_PARTS):
	$(RUN) -m pytest -p no:nbval -q -m "not slow" $(TESTS) $(addprefix --deselect=,$(NOT_QUICK))

# Types that were never checked take half a minute of one processor, so they come first and the tests beside them: three
# at a time, so that on two processors neither waits for the last of them. A make that can shows what each of them says
# in one piece. The installer was asked before.
check: checks
	@$(MAKE) --no-print-directory -o checks -j 3 $(if $(filter output-sync,$(.FEATURES)),-O) types style $(QUICK_PARTS)

test: static
	$(UNIT_TESTS) $(SCHEMES)
	$(UNIT_TESTS) $(NUMBERS)
	$(UNIT_TESTS) $(PEOPLE)
	$(UNIT_TESTS) $(LESSONS)
	$(UNIT_TESTS) $(OTHERS)
	$(RUN) -m pytest --nbval --nbval-current-env --nbval-cell-timeout 300 \
	  -n $(PROCESSES) --dist loadscope -p tests.notebooks.plugin notebooks

fuzz: checks
	@$(RUN) -m tests.fuzz $(FUZZ_OPTIONS)

demo: learner
	@echo "Running the role notebooks and the DataFrame notebook: about a minute."
	@$(RUN) -m he_helpers.lab.running.execute demo

notebooks: learner
	@echo "Running all notebooks and labs in order: about ten minutes."
	@$(RUN) -m he_helpers.lab.running.execute in-place

bench: learner
	@echo "Measuring speed and size: some minutes, in which nothing else should run."
	@$(RUN) -m he_helpers.lab.running.bench

sizing: learner
	@echo "Running each notebook in a workspace of its own: about ten minutes."
	@$(RUN) -m he_helpers.lab.running.sizing

assignments: teaching
	@echo "Making the students' versions of the labs: up to a minute."
	@$(RUN) -m he_helpers.classroom.assignments

grade: teaching
	@echo "Preparing the labs, then grading: some seconds for each notebook."
	@$(RUN) -m he_helpers.classroom.grading $(if $(SUBMISSIONS),"$(SUBMISSIONS)",$(error Name the folder: make grade SUBMISSIONS=folder))

book: checks
	@echo "Building the book: one to three minutes."
	@$(RUN) book/build.py
	@echo "Written: build/book/index.html"

slides: checks
	@echo "Building the slides: some seconds."
	@$(RUN) book/slides/build.py
	@echo "Written: build/slides/index.html"

data: checks
	@for script in data/make_*.py; do echo "$$script"; $(RUN) "$$script" || exit 1; done

lock: checks
	@$(RUN) -m he_helpers.installation.compile_lock $(LOCK_OPTIONS)

fresh: $(RUN)
	@$(RUN) -m he_helpers.lab.workspace.server_process fresh

clean:
	-@test ! -x $(RUN) || $(RUN) -m he_helpers.installation.installers.pyfhel stop
	-@git config --remove-section filter.he-course-notebook 2>/dev/null
	rm -rf $(VENV) build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find he_helpers tests notebooks data -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +
