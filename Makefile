# preforkd. "make help" lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1

CC      ?= cc
CFLAGS  ?= -O2 -g
PKGS    := libbsd jansson
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wvla
HARDEN  ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
ALL_CFLAGS  = -std=gnu17 -D_GNU_SOURCE -DPREFORK_VERSION='"$(VERSION)"' -I. $(WARN) $(HARDEN) \
              $(if $(WERROR),-Werror) $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS        = $(shell pkg-config --libs $(PKGS)) -pthread -ldl

SOURCES := $(shell find shared supervisor workers -name '*.c')
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
MAINS   := $(BUILD)/supervisor/cli/main.o
ARCHIVE := $(BUILD)/libprefork.a

all: $(BUILD)/prefork

$(ARCHIVE): $(filter-out $(MAINS),$(OBJECTS))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/prefork: $(BUILD)/supervisor/cli/main.o $(ARCHIVE)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

SYSTEM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/system/*.c tests/support/*.c))
$(BUILD)/tests/system-tests: $(SYSTEM_OBJECTS)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

clean:
	rm -rf $(BUILD)

.PHONY: all clean
-include $(OBJECTS:.o=.d) $(SYSTEM_OBJECTS:.o=.d)
