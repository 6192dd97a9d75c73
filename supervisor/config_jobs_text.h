#ifndef SUPERVISOR_CONFIG_JOBS_TEXT_H
#define SUPERVISOR_CONFIG_JOBS_TEXT_H

struct config;

char *config_jobs_text_make(const struct config *config);

#endif
