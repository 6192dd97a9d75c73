/* Files, looked at as they are now. */
#include "tests/system/logged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/harness.h"

void logged_write_config(const char *log, const char *more) {
    char text[1024];

    snprintf(text, sizeof(text),
        "services_dir = \"services.d\";\ncontrol : { socket = \"control.sock\"; };\n"
        "log : { %s };\n%s",
        log, more);
    if (!harness_exists("services.d"))
        CHECK(mkdir("services.d", 0755) == 0, "%s", strerror(errno));
    harness_write_file("preforkd.conf", text, strlen(text));
}

bool logged_holds(const char *path, const char *words) {
    char *text = harness_exists(path) ? harness_read_file(path, NULL) : NULL;
    bool holds = text != NULL && strstr(text, words) != NULL;

    free(text);
    return holds;
}

off_t logged_size(const char *path) {
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}
