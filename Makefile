# A thin front door over Meson: everything is built into build/, and programs run from there.
#
#   make              build
#   make demo         install what is missing, build, segment the sample image
#   make check        install what is missing, build, run the tests
#   make check-large  the slow tests on large images, which `make check` leaves out
#   make bench        compare the speed with that of other programs; BENCH='--models b --sizes 512'
#                     for a part of it
#   make fuzz         feed broken models to what reads them, FUZZ_SECONDS=60 for each way in
#   make install      install into prefix (default /usr/local, or what was given before), under
#                     DESTDIR if given
#   make deps         install the packages that building needs (Debian)
#   make deps-check   the same, and PyTorch, with which `make check` then compares results
#   make deps-bench   the same, and what `make bench` compares with
#   make format       format the C lines changed since the last commit
#   make clean        remove all build trees
#
# -jN is passed on to Ninja and to Meson's tests; without it these choose.
#
# For anything else use Meson itself: meson configure build, meson test -C build --list, ...

BUILD := build
DEMO := $(BUILD)/demo
TOOLS := tests/tools
FUZZ_SECONDS := 60
# Debian's, which has Debian's PyTorch
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)

# -jN as it was given, known only while a rule runs; MAKEFLAGS has the words of BENCH, too
JOBS = $(filter-out -j,$(filter -j%,$(MFLAGS)))

.PHONY: all demo check check-large bench fuzz install deps deps-check deps-bench format clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(JOBS)

# Packages are asked for only here: with others that do as well, run `meson setup build` first.
$(BUILD)/build.ninja:
	@$(TOOLS)/deps.sh build || { echo 'Run "make deps" to install them.' >&2; exit 1; }
	@meson setup $(BUILD) $(if $(prefix),--prefix='$(prefix)')

# A second make, not a prerequisite: also under make -j the build comes after the packages.
demo: deps
	@$(MAKE) --no-print-directory all
	@mkdir -p $(DEMO)
	@$(BUILD)/apps/segment -o $(DEMO)/labels.png --overlay $(DEMO)/overlay.png \
	  data/images/nuclei-sample.png
	@echo 'Label map (each pixel is the number of its class): $(DEMO)/labels.png'
	@echo 'Picture (the classes drawn over the image):        $(DEMO)/overlay.png'

check: deps
	@$(MAKE) --no-print-directory all
	@$(TOOLS)/run-tests.sh $(BUILD) $(JOBS:-j%=--num-processes=%) --no-suite slow

check-large: deps
	@$(MAKE) --no-print-directory all
	@$(TOOLS)/run-tests.sh $(BUILD) $(JOBS:-j%=--num-processes=%) --suite slow

bench: all
	@$(PYTHON) tests/bench/bench.py $(BUILD) $(BENCH)

fuzz:
	@$(TOOLS)/deps.sh --install build fuzz
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

# Meson would put a relative DESTDIR below build/; here it is below the current folder.
install: all
	@$(if $(prefix),meson configure $(BUILD) --prefix='$(prefix)')
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir "$$(realpath -m '$(DESTDIR)')")
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

deps:
	@$(TOOLS)/deps.sh --install build

deps-check:
	@$(TOOLS)/deps.sh --install build oracle

# A node that did not come from Debian does as well. The scripts of npm's packages are not run: they
# would download what only other processors need.
deps-bench:
	@$(TOOLS)/deps.sh --install build oracle
	@command -v npm >/dev/null || $(TOOLS)/deps.sh --install bench
	@mkdir -p $(BUILD)/bench
	@cp tests/bench/package.json tests/bench/package-lock.json $(BUILD)/bench
	@npm ci --prefix $(BUILD)/bench --ignore-scripts --no-audit --no-fund

# git clang-format touches changed lines only: tables aligned by hand stay as they are.
format:
	@git clang-format --extensions c

clean:
	rm -rf $(BUILD) $(BUILD)-*
