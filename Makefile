# preforkd. "make help" lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
VERSION := 0.1

# What it takes to build and test; "make deps" installs what is missing.
PACKAGES := gcc libc6-dev make pkg-config libbsd-dev libconfig-dev libjansson-dev libprimesieve-dev \
            libcriterion-dev libunistring-dev libreadline-dev tmux strace systemd python3-minimal
# What lint, fuzz, tsan and the benchmarks need beyond that; "make deps-dev".
PACKAGES_DEV := clang-14 clang-format-14 clang-tidy-14 llvm-14 libclang-rt-14-dev cppcheck \
                shellcheck codespell mandoc gcovr primesieve parallel python3 libgomp1 \
                golang-go redis-server libevent-dev libuv1-dev xinetd \
                systemd dbus iproute2 logrotate debootstrap dpkg-dev

CC      ?= cc
CFLAGS  ?= -O2 -g
PKGS    := libbsd jansson libconfig
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wvla
HARDEN  ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
LINK    ?= -pie -Wl,-z,relro,-z,now

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CFLAGS  = -std=gnu17 -D_GNU_SOURCE -DPREFORK_VERSION='"$(VERSION)"' -I. $(WARN) $(HARDEN) \
              $(if $(WERROR),-Werror) $(PKG_CFLAGS) $(PART_CFLAGS) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = $(LINK) -Wl,--as-needed $(LDFLAGS) $(SANITIZE)
LIBS        = $(PKG_LIBS) $(OPT_LIBS) -lunistring -pthread -ldl

# Optional: the line that is typed survives what comes in (prefork chat, prefork send).
ifeq ($(shell pkg-config --exists readline && echo yes),yes)
OPT_LIBS += $(shell pkg-config --libs readline)
$(BUILD)/shared/line_editor.o: PART_CFLAGS := -DHAVE_READLINE $(shell pkg-config --cflags readline)
endif

SOURCES := $(sort $(shell find shared supervisor workers -name '*.c'))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
MAINS   := $(filter %/main.o,$(OBJECTS))
ARCHIVE := $(BUILD)/libprefork.a

SYSTEM_SOURCES := $(sort $(wildcard tests/system/*.c tests/support/*.c))
SYSTEM_OBJECTS := $(SYSTEM_SOURCES:%.c=$(BUILD)/%.o)
UNIT_SOURCES   := $(sort $(shell find tests/unit -name '*_test.c' 2>/dev/null))
UNITS          := $(UNIT_SOURCES:%.c=$(BUILD)/%)
STORM_SOURCES  := $(sort $(wildcard tests/storm/*.c))
STORMS         := $(STORM_SOURCES:%.c=$(BUILD)/%)
BENCH_SOURCES  := $(sort $(wildcard tests/bench/*.c))
BENCHES        := $(BENCH_SOURCES:%.c=$(BUILD)/%)

all: $(BUILD)/prefork $(BUILD)/preforkd ## build the programs

$(ARCHIVE): $(filter-out $(MAINS),$(OBJECTS))
	@rm -f $@
	@$(AR) rcs $@ $^

# prefork is started anew for each question, and every shared library costs it time then: they
# are linked into it where their archives are installed. CLI_ARCHIVES= links the shared ones.
CLI_ARCHIVES ?= $(wildcard $(foreach lib,jansson bsd md unistring readline tinfo,$(shell $(CC) -print-file-name=lib$(lib).a)))

$(BUILD)/prefork: $(BUILD)/supervisor/cli/main.o $(ARCHIVE)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CLI_ARCHIVES) $(LIBS)

$(BUILD)/preforkd: $(BUILD)/supervisor/main.o $(ARCHIVE)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/system-tests: $(SYSTEM_OBJECTS)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(UNITS): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVE)
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcriterion

$(STORMS): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVE)
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BENCHES): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVE)
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fopenmp -o $@ $^ $(LIBS)
$(BENCHES:%=%.o): CFLAGS += -fopenmp

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

deps: ## install what building and testing needs (Debian)
	@tests/support/install-packages.sh $(PACKAGES)

deps-dev: ## install what lint, fuzz and bench need beyond that
	@tests/support/install-packages.sh $(PACKAGES) $(PACKAGES_DEV)

demo: deps ## build, split the task sheet's interval three ways, compare, serve and talk
	@$(MAKE) --no-print-directory all >/dev/null
	@tests/support/demo.sh $(BUILD)

test: deps ## all unit tests and the short system tests
	@$(MAKE) --no-print-directory test-programs
	@tests/support/run-tests.sh $(BUILD)

storm-programs: $(STORMS)

test-programs: all $(BUILD)/tests/system-tests $(UNITS) storm-programs

unit: test-programs ## the unit tests
	@tests/support/run-tests.sh $(BUILD) unit

system: test-programs ## the system tests; FILTER=words picks some
	@$(BUILD)/tests/system-tests $(if $(FILTER),--filter $(FILTER))

soak: test-programs ## the system tests with the stated numbers: long
	@tests/support/soak.sh $(BUILD) $(FILTER)

bench: all $(BENCHES) ## measure against references and peers; writes tests/bench/RESULTS.md
	@tests/bench/run.sh $(BUILD)

san: ## AddressSanitizer and UBSan over all tests
	@tests/support/sanitize.sh

tsan: ## ThreadSanitizer on the real binary
	@tests/support/tsan.sh

fuzz: ## fuzz every parser; RUNS=N
	@tests/fuzz/run.sh $(RUNS)

coverage: ## how many lines the tests reach
	@tests/support/coverage.sh

layers: ## who includes whom, and are extern names <file>_<verb>
	@tests/support/layers.sh
	@tests/support/names.sh $(BUILD) $(OBJECTS)

lint: ## format, static analysis, shell, spelling, manual pages
	@tests/support/lint.sh

man: all ## rewrite the generated lists in man/
	@tests/support/manual.sh write $(BUILD)

install: all ## install under DESTDIR and PREFIX; configuration that is there stays
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' etc/install.sh install $(BUILD)

uninstall: ## remove what install put there, but for changed configuration
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' etc/install.sh uninstall $(BUILD)

deb: all ## build a Debian package, build/deb/preforkd_VERSION_ARCH.deb
	@etc/deb/build.sh $(BUILD) $(VERSION)

deb-test: deb ## install, run and purge the package in a bare Debian; needs root
	@tests/support/deb-test.sh $(BUILD) $(VERSION)

systemd-test: deb ## boot systemd with the package and try the units; needs root
	@tests/support/systemd-test.sh $(BUILD) $(VERSION)

clean: ## remove what was built
	rm -rf $(BUILD) build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: all deps deps-dev demo test test-programs storm-programs unit system soak bench san tsan fuzz coverage \
        layers lint man install uninstall deb deb-test systemd-test clean help
.SECONDARY:
-include $(OBJECTS:.o=.d) $(SYSTEM_OBJECTS:.o=.d) $(UNITS:=.d) $(STORMS:=.d) \
         $(BENCHES:=.d)
