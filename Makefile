# Hilum. `make` builds, `make demo` shows the main job, `make check` tests. Objects and results go under build/.
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX   ?= /usr/local
DESTDIR  ?=
SANITIZE ?=
SEED     ?= 1

# A sanitised or other-compiler build keeps its objects apart: make SANITIZE=address,undefined, make CC=clang BUILD=build/clang
comma := ,
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

VERSION := $(shell sed -n 's/^.define HL_VERSION "\(.*\)"/\1/p' lib/base/context.h)
OPT     ?= -O3 -g
# gcc takes the sanitiser's own checks for NULL for a path that passes NULL on, and warns of it.
SAN     := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-format-truncation)
PKGS    := openblas libpng zlib libcjson libxxhash inih
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lniftiio -lznz -lm -pthread

override CPPFLAGS += -D_GNU_SOURCE -Iinclude -Ilib -Itest $(PKG_CFLAGS) -isystem /usr/include/nifti
override CFLAGS   += -std=c11 $(OPT) -Wall -Wextra -Wpedantic -Werror -fPIC -fopenmp $(SAN)
override LDFLAGS  += -fopenmp $(SAN)

# A line a file; make V=1 shows the commands.
run = $(if $(V),,@echo '  $(1)'; )

# The plain kernels are built twice, in float and in double; those over OpenBLAS for any processor, for AVX2 and for AVX-512.
# Nothing else may be compiled for either: the program runs anywhere and chooses. Contraction is left off, as ISO C has it in
# gcc: it gains nothing where memory is the limit, and a result should not depend on which products a compiler fuses.
REF     := $(wildcard lib/kernels/ref/*.c)
BLAS    := $(wildcard lib/kernels/blas/*.c)
X86     := $(filter x86_64% i%86%,$(shell $(CC) -dumpmachine 2>/dev/null))
AVX2    := -DHL_KERNELS_AVX2 $(if $(X86),-mavx2 -mfma) -ffp-contract=off
AVX512  := -DHL_KERNELS_AVX512 $(if $(X86),-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512) -ffp-contract=off
# Those of bf16 once, for x86 alone; tiles.c, and no other, for AMX too.
BF16    := $(if $(X86),$(wildcard lib/kernels/bf16/*.c))
SOURCES := $(filter-out $(REF) $(wildcard lib/kernels/bf16/*.c),$(wildcard lib/*/*.c lib/*/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BF16:%.c=$(BUILD)/%.o) $(BLAS:%.c=$(BUILD)/%.avx2.o) $(BLAS:%.c=$(BUILD)/%.avx512.o) $(REF:%.c=$(BUILD)/%.f32.o) $(REF:%.c=$(BUILD)/%.f64.o)
APPS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard apps/*.c))
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard test/*/test_*.c))
SLOW    := $(patsubst %.c,$(BUILD)/%,$(wildcard test/*/slow_*.c))

.PHONY: all deps demo check check-all check-build bench bench-peers install clean
all: $(BUILD)/hilum $(BUILD)/libhilum.a $(BUILD)/libhilum.so

# In one line what is missing, before the compiler says it in a hundred.
ifeq ($(filter clean deps demo check check-all bench bench-peers,$(MAKECMDGOALS)),)
MISSING := $(strip $(foreach p,$(PKGS),$(if $(shell pkg-config --exists $(p) 2>/dev/null && echo yes),,$(p))))
ifneq ($(MISSING),)
$(error missing: $(if $(shell command -v pkg-config),$(MISSING),pkg-config) - `make deps` installs what Hilum needs)
endif
endif

deps:
	@sh .ci/deps

$(BUILD)/%.f32.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/%.f64.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) -DHL_REF_DOUBLE -MMD -MP -c $< -o $@
$(BUILD)/%.avx2.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) $(AVX2) -MMD -MP -c $< -o $@
$(BUILD)/%.avx512.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) $(AVX512) -MMD -MP -c $< -o $@
$(BF16:%.c=$(BUILD)/%.o): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) $(AVX512) -mavx512bf16 $(if $(filter %/tiles.o,$@),-mamx-tile -mamx-bf16) -MMD -MP -c $< -o $@
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC $@)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libhilum.a: $(OBJECTS)
	@rm -f $@
	$(call run,AR $@)$(AR) rcs $@ $^
$(BUILD)/libhilum.so: $(OBJECTS)
	$(call run,LD $@)$(CC) -shared -Wl,-soname,libhilum.so.0 $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/hilum: $(APPS) $(BUILD)/libhilum.a
	$(call run,LD $@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(TESTS) $(SLOW): $(BUILD)/test/%: $(BUILD)/test/%.o $(BUILD)/libhilum.a
	$(call run,LD $@)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check 2>/dev/null) $(LIBS)

demo: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) SEED=$(SEED) sh .ci/demo

check: deps
	@$(MAKE) --no-print-directory check-build
	@BUILD=$(BUILD) sh test/run $(TESTS)
check-all: deps
	@$(MAKE) --no-print-directory check-build $(SLOW)
	@BUILD=$(BUILD) sh test/run $(TESTS) $(SLOW)
check-build: all $(TESTS) $(BUILD)/turns

bench: deps
	@$(MAKE) --no-print-directory all
	@$(BUILD)/hilum bench --kernels
	@for m in train infer; do $(BUILD)/hilum bench unet-vgg16 --mode $$m --profile || exit 1; done

$(BUILD)/turns: bench/turns.c
	$(call run,LD $@)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -ldl

# Beside PyTorch, ONNX Runtime and oneDNN, which are installed for it: a third of an hour or so.
bench-peers:
	@sh .ci/deps peers
	@$(MAKE) --no-print-directory all
	@mkdir -p build/peers
	@$(CXX) -O2 -std=c++17 bench/peers/onednn.cpp -o build/peers/onednn -ldnnl
	@cd build/peers && cp ../../bench/peers/ort_infer.js . && (test -d node_modules/onnxruntime-node || npm install --silent --no-fund --no-audit --ignore-scripts onnxruntime-node@1.30.0)
	@/usr/bin/python3 bench/peers/speed.py $(if $(ISA),--isa $(ISA))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/hilum
	install -m 755 $(BUILD)/hilum $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libhilum.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libhilum.so $(DESTDIR)$(PREFIX)/lib/libhilum.so.$(VERSION)
	ln -sf libhilum.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libhilum.so.0
	ln -sf libhilum.so.0 $(DESTDIR)$(PREFIX)/lib/libhilum.so
	install -m 644 include/hilum/*.h $(DESTDIR)$(PREFIX)/include/hilum/
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: hilum\nDescription: Trains segmentation networks on CPUs\nVersion: %s\nRequires.private: %s\nLibs: -L$${libdir} -lhilum\nLibs.private: -lniftiio -lznz -fopenmp -lm -pthread\nCflags: -I$${includedir}\n' \
	  '$(PREFIX)' '$(VERSION)' '$(PKGS)' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/hilum.pc

clean:
	rm -rf build

-include $(wildcard $(BUILD)/apps/*.d $(BUILD)/lib/*/*.d $(BUILD)/lib/*/*/*.d $(BUILD)/test/*/*.d)
