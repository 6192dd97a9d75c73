/*
 * What a configuration owns: its texts and, for each row of each table, where the value comes
 * from. Everything is freed in one go, so that no failure on the way can leak.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_internal.h"

struct config_block {
    struct config_block *next;
    _Alignas(max_align_t) char bytes[];
};

struct config *config_new(void) {
    struct config *config = calloc(1, sizeof(*config));

    if (config == NULL || (config->memory = calloc(1, sizeof(struct config_memory))) == NULL)
        abort();
    return config;
}

void config_free(struct config *config) {
    struct config_memory *memory;
    struct config_block *next;

    if (config == NULL)
        return;
    memory = config->memory;
    for (struct config_block *block = memory->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(memory);
    free(config);
}

void *config_keep(struct config_memory *memory, size_t size) {
    struct config_block *block = calloc(1, sizeof(*block) + size);

    if (block == NULL)
        abort();
    block->next = memory->blocks;
    memory->blocks = block;
    return block->bytes;
}

char *config_keep_text(struct config_memory *memory, const char *text, size_t len) {
    return memcpy(config_keep(memory, len + 1), text, len);
}

const char *config_keep_path(struct config_memory *memory, const char *beside, const char *path) {
    size_t folder_len, len = strlen(path);
    char *folder = NULL, *kept;

    if (path[0] == '/')
        return config_keep_text(memory, path, len);
    if (beside == NULL) {
        folder = get_current_dir_name();
        beside = folder != NULL ? folder : "";
        folder_len = strlen(beside);
    } else
        folder_len = (size_t)(strrchr(beside, '/') - beside);
    while (len > 2 && path[0] == '.' && path[1] == '/') {
        path += 2;
        len -= 2;
    }
    kept = config_keep(memory, folder_len + len + 2);
    memcpy(kept, beside, folder_len);
    kept[folder_len] = '/';
    memcpy(kept + folder_len + 1, path, len);
    free(folder);
    return kept;
}

static size_t count_rows(const struct setting *table) {
    size_t rows = 0;

    while (table[rows].name != NULL)
        rows++;
    return rows;
}

void config_section_init(struct config_memory *memory, struct config_section *section,
    const struct setting *table, const char *group, void *values) {
    *section = (struct config_section){ .table = table,
        .group = group,
        .values = values,
        .origin = config_keep(memory, count_rows(table) * sizeof(struct config_origin)) };
    settings_set_defaults(table, values);
}

void config_section_copy(struct config_memory *memory, struct config_section *section,
    const struct config_section *from, void *values) {
    size_t size = count_rows(from->table) * sizeof(struct config_origin);

    *section = *from;
    section->group = NULL;
    section->values = values;
    section->origin = memcpy(config_keep(memory, size), from->origin, size);
}

struct config_origin *config_origin_of(const struct config_section *section, const char *key) {
    const struct setting *row = settings_find(section->table, key);

    if (row == NULL)
        abort();
    return &section->origin[row - section->table];
}
