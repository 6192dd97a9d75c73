#ifndef SHARED_TEXT_NAME_H
#define SHARED_TEXT_NAME_H

/*
 * Names that people give themselves: made fit to be shown, and compared by how they look. No
 * script is banned: Алиса may be called so, but nobody else may look like her. Pure; callable
 * anywhere.
 *
 *     text_name(name, typed, typed_len)   0: nothing is left; take the default name
 *     text_name_skeleton(look, name, n)   two names that look alike have one look
 *     text_name_suffix(name, "Алиса", 2)  "Алиса_2", where the first one is there already
 */

#include <stddef.h>

#define TEXT_NAME_RUNES 32  /* code points */
#define TEXT_NAME_MAX   128 /* bytes */

/*
 * Make a name of what was typed (any bytes): control characters, bidirectional marks, zero-width
 * and other invisible characters are left out, blanks of any kind become one space and none at the
 * ends, the server's marks and lone accents at the beginning go, broken UTF-8 becomes U+FFFD; the
 * rest in NFC, cut at TEXT_NAME_RUNES. Doing it twice changes nothing more.
 * Returns the length; dst is terminated.
 */
size_t text_name(char dst[TEXT_NAME_MAX + 1], const char *typed, size_t len);

/*
 * How a name of text_name() looks, whatever the case and whether its letters are Latin, Cyrillic
 * or Greek (of six Greek letters the small one and the capital look different, and are). To be
 * compared, not shown. Returns the length; dst is terminated.
 */
size_t text_name_skeleton(char dst[TEXT_NAME_MAX + 1], const char *name, size_t len);

/* The name with "_2", "_3" … behind it, within the limits. Returns the length; dst is terminated.
 */
size_t text_name_suffix(char dst[TEXT_NAME_MAX + 1], const char *name, size_t len, unsigned n);

#endif
