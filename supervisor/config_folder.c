/* Files that are each for one thing: what is in the folder, and what the files' names say. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_internal.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static int is_wanted(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len >= 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* By the names alone: with its ".conf" behind it, "a" would come after "a-1". */
static int compare_names(const struct dirent **a, const struct dirent **b) {
    size_t a_len = strlen((*a)->d_name) - strlen(".conf");
    size_t b_len = strlen((*b)->d_name) - strlen(".conf");
    int order = memcmp((*a)->d_name, (*b)->d_name, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

static void read_one(struct config_reading *reading, const struct config_folder *folder,
    const char *path, const char *name) {
    char *file;

    if (asprintf(&file, "%s/%s", path, name) < 0)
        abort();
    folder->read(reading, config_keep_text(reading->memory, file, strlen(file)));
    free(file);
}

int config_folder_read(
    struct config_reading *reading, const struct config_folder *folder, const char *path) {
    struct config_where where = config_origin_of(&reading->memory->daemon, folder->key)->where;
    struct dirent **list = NULL;
    int count;

    if (where.file == NULL)
        where.file = reading->config->file;
    count = scandir(path, &list, is_wanted, compare_names);
    if (count < 0)
        config_complain(reading, where, "%s: the folder %s cannot be read: %s", folder->key, path,
            strerror(errno));
    else if (count > folder->most)
        config_complain(reading, where, "%s: %s has %d %s, at most %d are allowed", folder->key,
            path, count, folder->plural, folder->most);
    for (int i = 0; i < count; i++) {
        if (count <= folder->most)
            read_one(reading, folder, path, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return count;
}

bool config_folder_take_name(struct config_reading *reading, const char *file, const char *what,
    char name[CONFIG_NAME_MAX]) {
    const char *base = strrchr(file, '/') + 1;
    size_t len = strlen(base) - strlen(".conf");

    if (len == 0 || len >= CONFIG_NAME_MAX || strspn(base, NAME_LETTERS) != len || base[0] == '-') {
        config_complain(reading, (struct config_where){ .file = file },
            "the file's name is the %s's: 1 to %d letters, digits, \"-\" or \"_\" before "
            "\".conf\", not \"-\" first",
            what, CONFIG_NAME_MAX - 1);
        return false;
    }
    memcpy(name, base, len);
    name[len] = '\0';
    return true;
}
