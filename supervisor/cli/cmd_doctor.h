#ifndef SUPERVISOR_CLI_CMD_DOCTOR_H
#define SUPERVISOR_CLI_CMD_DOCTOR_H

/* prefork doctor: is this machine, and this installation, fit to run preforkd? */

#include "shared/cmd.h"

extern const struct cmd cmd_doctor;

#endif
