/* The memory-mapped cache of decoded slices: a header, an entry for every slice, a slot for every slice. */
#include "data/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"

/* The start of the file. All of it must be as expected. */
typedef struct header {
    char magic[8];
    uint32_t version, rows, height, width, planes, entry_bytes;
    uint64_t bytes; /* of the whole file */
    uint8_t rest[24];
} header;

enum { VERSION = 2, ALIGNMENT = 64 };

static size_t align(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }
static size_t plane_pixels(const hl_cache *cache) { return (size_t)cache->shape.height * (size_t)cache->shape.width; }
static size_t label_bytes(const hl_cache *cache) {
    return plane_pixels(cache) * (1u + (cache->shape.mask2 ? 1u : 0u) + (cache->shape.lung ? 1u : 0u));
}

static header header_of(const hl_cache *cache) {
    header h = {.magic = {'H', 'L', 'C', 'A', 'C', 'H', 'E', '\n'},
                .version = VERSION,
                .rows = (uint32_t)cache->shape.rows,
                .height = (uint32_t)cache->shape.height,
                .width = (uint32_t)cache->shape.width,
                .planes = 1u + (cache->shape.mask2 ? 2u : 0u) + (cache->shape.lung ? 4u : 0u),
                .entry_bytes = sizeof(hl_cache_entry),
                .bytes = cache->bytes};
    return h;
}

/* --- the file ------------------------------------------------------------------------------------------------------ */

/* Reserves every block now: a disk that fills up later would end the process in the middle of a write to the mapping. */
static bool reserve(int fd, size_t bytes) {
    if (fallocate(fd, 0, 0, (off_t)bytes) == 0) return true;
    return (errno == EOPNOTSUPP || errno == ENOSYS) && posix_fallocate(fd, 0, (off_t)bytes) == 0;
}

static hl_status create(hl_context *hl, const hl_cache *cache, const char *path) {
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    if (status) return status;
    if (!reserve(fileno(file.stream), cache->bytes)) {
        hl_file_discard(&file);
        return hl_fail(hl, HL_FAILED, "%s: no room for %zu bytes", path, cache->bytes);
    }
    header h = header_of(cache);
    (void)!fwrite(&h, sizeof h, 1, file.stream); /* a short write shows in ferror, which commit reads */
    return hl_file_commit(hl, &file);
}

/* Maps the file when it is there and of this shape. */
static bool map(hl_cache *cache, const char *path) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return false;
    header found, expected = header_of(cache);
    struct stat status;
    bool fits = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (size_t)status.st_size == cache->bytes &&
                pread(fd, &found, sizeof found, 0) == (ssize_t)sizeof found && !memcmp(&found, &expected, sizeof found);
    /* A sparse copy has holes; on a file that has none this changes nothing. */
    if (fits && fallocate(fd, 0, 0, (off_t)cache->bytes) && errno != EOPNOTSUPP && errno != ENOSYS) fits = false;
    void *memory = fits ? mmap(NULL, cache->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (memory == MAP_FAILED) return false;
    cache->memory = memory;
    return true;
}

static bool open_file(hl_context *hl, hl_cache *cache, const char *folder, const char *name) {
    if (hl_folder_make(hl, folder)) return false;
    char *path = hl_format(hl, "%s/%s.cache", folder, name);
    bool opened = path && (map(cache, path) || (create(hl, cache, path) == HL_OK && map(cache, path)));
    free(path);
    return opened;
}

hl_status hl_cache_open(hl_context *hl, hl_cache *cache, const char *folder, const char *name, const hl_cache_shape *shape) {
    *cache = (hl_cache){.shape = *shape};
    cache->slots = align(sizeof(header) + (size_t)shape->rows * sizeof(hl_cache_entry));
    cache->slot_bytes = align(plane_pixels(cache) * sizeof(float) + label_bytes(cache));
    cache->bytes = cache->slots + (size_t)shape->rows * cache->slot_bytes;
    if (folder && open_file(hl, cache, folder, name)) return HL_OK;
    void *memory = mmap(NULL, cache->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return hl_fail(hl, HL_NO_MEMORY, "no memory for %zu bytes of decoded slices", cache->bytes);
    cache->memory = memory;
    return HL_OK;
}

void hl_cache_close(hl_cache *cache) {
    if (cache->memory) munmap(cache->memory, cache->bytes);
    *cache = (hl_cache){0};
}

/* --- where things are ------------------------------------------------------------------------------------------------ */

hl_cache_entry *hl_cache_entry_of(const hl_cache *cache, int row) { return (hl_cache_entry *)(cache->memory + sizeof(header)) + row; }

float *hl_cache_image(const hl_cache *cache, int row) { return (float *)(cache->memory + cache->slots + (size_t)row * cache->slot_bytes); }

uint8_t *hl_cache_mask(const hl_cache *cache, int row) { return (uint8_t *)(hl_cache_image(cache, row) + plane_pixels(cache)); }

uint8_t *hl_cache_mask2(const hl_cache *cache, int row) {
    return cache->shape.mask2 ? hl_cache_mask(cache, row) + plane_pixels(cache) : NULL;
}

uint8_t *hl_cache_lung(const hl_cache *cache, int row) {
    return cache->shape.lung ? hl_cache_mask(cache, row) + plane_pixels(cache) * (cache->shape.mask2 ? 2u : 1u) : NULL;
}

/* --- what is filled ---------------------------------------------------------------------------------------------------- */

static uint64_t check_of(const void *data, size_t bytes) { return XXH3_64bits(data, bytes) | 1; /* never 0 */ }

static uint64_t info_check(const hl_cache *cache, int row) {
    return check_of(hl_cache_entry_of(cache, row), offsetof(hl_cache_entry, info_check));
}
static uint64_t labels_check(const hl_cache *cache, int row) { return check_of(hl_cache_mask(cache, row), label_bytes(cache)); }
static uint64_t image_check(const hl_cache *cache, int row) {
    return check_of(hl_cache_image(cache, row), plane_pixels(cache) * sizeof(float));
}

/* The check is read before the part and written after it. */
bool hl_cache_has_info(const hl_cache *cache, int row) {
    uint64_t check = atomic_load_explicit(&hl_cache_entry_of(cache, row)->info_check, memory_order_acquire);
    return check && check == info_check(cache, row);
}
bool hl_cache_has_labels(const hl_cache *cache, int row) {
    uint64_t check = atomic_load_explicit(&hl_cache_entry_of(cache, row)->labels_check, memory_order_acquire);
    return check && check == labels_check(cache, row);
}
bool hl_cache_has_image(const hl_cache *cache, int row) {
    uint64_t check = atomic_load_explicit(&hl_cache_entry_of(cache, row)->image_check, memory_order_acquire);
    return check && check == image_check(cache, row);
}

void hl_cache_seal_info(hl_cache *cache, int row) {
    atomic_store_explicit(&hl_cache_entry_of(cache, row)->info_check, info_check(cache, row), memory_order_release);
}
void hl_cache_seal_labels(hl_cache *cache, int row) {
    atomic_store_explicit(&hl_cache_entry_of(cache, row)->labels_check, labels_check(cache, row), memory_order_release);
}
void hl_cache_seal_image(hl_cache *cache, int row) {
    atomic_store_explicit(&hl_cache_entry_of(cache, row)->image_check, image_check(cache, row), memory_order_release);
}
