#ifndef SUPERVISOR_JOBS_STORE_FILE_H
#define SUPERVISOR_JOBS_STORE_FILE_H

/*
 * Small texts and whole folders of the spool, by descriptor and relative path. Knows no job.
 * Blocks on the disk.
 */

#include <jansson.h>
#include <stdint.h>

#define STORE_FILE_MAX (256u * 1024u)

/* Make the folder, mode 0700, unless it is there, and open it. Returns it, or -1 with errno. */
int store_file_open_folder(int dir_fd, const char *name);

/*
 * Read a text of ours. Returns it, or NULL with errno: ENOENT there is none; EBADMSG it is torn,
 * too long, no file, or somebody else's; others.
 */
json_t *store_file_read(int dir_fd, const char *path);

/* Write the text to a new file, as it goes. Returns 0, or -1 with errno. */
int store_file_write(int dir_fd, const char *path, const json_t *text);

/*
 * Write the text to `spare`, which may be there, and give it the name path: whoever is killed
 * leaves the old text or the new one. Returns 0, or -1 with errno and the old text.
 */
int store_file_replace(int dir_fd, const char *path, const char *spare, const json_t *text);

/* Make an empty file that has room for bytes. Returns 0, or -1 with errno. */
int store_file_reserve(int dir_fd, const char *path, size_t bytes);

/* Remove a file, or a folder with all that is in it. Nothing there is well. -1 with errno. */
int store_file_remove(int dir_fd, const char *path);

/* How many bytes of the disk it takes, holes not counted; 0 for none. */
uint64_t store_file_bytes(int dir_fd, const char *path);

#endif
