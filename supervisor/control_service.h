#ifndef SUPERVISOR_CONTROL_SERVICE_H
#define SUPERVISOR_CONTROL_SERVICE_H

/* The verbs that change a service, and what they wait for. Parent only; never blocks. */

#include "supervisor/control_request.h"

void control_service_start(struct control_request *request);
void control_service_stop(struct control_request *request);
void control_service_restart(struct control_request *request);
void control_service_scale(struct control_request *request);

/* Until it runs as it was told to, or is known not to. */
void control_service_look_running(struct control_request *request);

/* Until its last worker is gone. */
void control_service_look_stopped(struct control_request *request);

#endif
