/*
 * A line on the control socket, from a peer that may look and no more: whatever it is, it is
 * answered, and the last line of the answer says that it is.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/scoreboard.h"
#include "supervisor/control.h"
#include "supervisor/control_request.h"
#include "supervisor/supervisor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config config;
static struct supervisor *supervisor;
static bool is_done;

static void take_answer(void *owner, json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT);

    (void)owner;
    if (text == NULL || strchr(text, '\n') != NULL || is_done)
        abort();
    is_done = json_is_true(json_object_get(object, "done"));
    free(text);
}

static void start(void) {
    static char path[64];
    struct complaint complaint;
    struct service *service;

    snprintf(path, sizeof(path), "/tmp/fuzz-control-%d.sock", getpid());
    config.control.socket = path;
    config.control.mode = 0600;
    config.file = "/etc/preforkd/preforkd.conf";
    config.uid = (uid_t)-1;
    config.gid = (gid_t)-1;
    config.service_count = 1;
    config.service[0].type = services_find("echo");
    strcpy(config.service[0].name, "echo");
    supervisor = calloc(1, sizeof(*supervisor));
    supervisor->config = &config;
    supervisor->loop = loop_new();
    supervisor->board = scoreboard_new();
    supervisor->service_count = 1;
    service = supervisor->service[0] = &supervisor->place[0];
    service->config = &config.service[0];
    service->supervisor = supervisor;
    TAILQ_INIT(&service->children);
    if (control_open(supervisor, &complaint) < 0) {
        fprintf(stderr, "%s\n", complaint.text);
        abort();
    }
    control_publish(supervisor->control, "{\"event\":\"start\"}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct control_request request = { .send = take_answer };

    if (supervisor == NULL)
        start();
    request.supervisor = supervisor;
    is_done = false;
    control_request_take(&request, (const char *)data, size);
    /* Who follows events is answered when the daemon ends. */
    control_request_end(&request);
    control_request_drop(&request);
    if (!is_done)
        abort();
    return 0;
}
