#ifndef SUPERVISOR_JOB_JOB_SETTINGS_H
#define SUPERVISOR_JOB_JOB_SETTINGS_H

/*
 * Rows of job_spec_settings that other verbs about jobs take, too. The values lie in a struct
 * job_options within the verb's struct: prefix is "member." then, or nothing.
 */

#include <stddef.h>

#include "shared/settings.h"

extern const char *const job_settings_progress[]; /* in the order of enum job_progress */
extern const char *const job_settings_on_held[];

#define JOB_SETTINGS_ROW(values_type, prefix, field) \
    .name = #field, .offset = offsetof(values_type, prefix field)
#define JOB_SETTINGS_TIME(values_type, prefix, field)                                             \
    .name = #field, .offset = offsetof(values_type, prefix field##_ms), .type = SETTING_DURATION, \
    .operand = "TIME"

/* What a job is, wherever it runs. */
#define JOB_SETTINGS_WANTED(type_, prefix)                                                       \
    { JOB_SETTINGS_ROW(type_, prefix, chunk), .type = SETTING_NUMBER, .operand = "N",            \
        .fallback_words = "the kernel's choice; 1 000 000 for divisible", .min = 1,              \
        .max = UINT64_MAX, .help = "numbers in a chunk" },                                       \
        { JOB_SETTINGS_ROW(type_, prefix, count), .type = SETTING_BOOL,                          \
            .help = "give the number of results instead of the results" },                       \
        { JOB_SETTINGS_ROW(type_, prefix, json), .type = SETTING_BOOL,                           \
            .help = "one JSON object for each chunk" },                                          \
        { JOB_SETTINGS_ROW(type_, prefix, csv), .type = SETTING_BOOL,                            \
            .help = "rows of chunk,number" },                                                    \
        { JOB_SETTINGS_ROW(type_, prefix, seed_format), .type = SETTING_BOOL,                    \
            .help = "group digits and announce each interval as the task sheets do" },           \
        { JOB_SETTINGS_TIME(type_, prefix, timeout), .fallback_words = "none",                   \
            .help = "end the job after this time" },                                             \
        { JOB_SETTINGS_TIME(type_, prefix, chunk_timeout), .fallback_words = "none",             \
            .help = "give an attempt at a chunk up after this time" },                           \
        { JOB_SETTINGS_TIME(type_, prefix, stall), .fallback = "30s",                            \
            .help = "replace a worker that has shown no sign of life for this time" },           \
        { JOB_SETTINGS_ROW(type_, prefix, retries), .type = SETTING_NUMBER, .operand = "N",      \
            .fallback = "2", .min = 0, .max = 1000,                                              \
            .help = "how often a chunk that crashed or failed is tried again" },                 \
        { JOB_SETTINGS_ROW(type_, prefix, on_held), .type = SETTING_CHOICE, .operand = "HOW",    \
            .choices = job_settings_on_held, .fallback = "stop",                                 \
            .help = "what a chunk without a result does to the output" },                        \
        { JOB_SETTINGS_ROW(type_, prefix, verify), .type = SETTING_PERCENT, .operand = "P%",     \
            .fallback = "0%", .help = "compute this share of the chunks twice and compare" },    \
        { JOB_SETTINGS_ROW(type_, prefix, buffer), .type = SETTING_BYTES, .operand = "BYTES",    \
            .fallback = "4MiB", .min = 0, .max = 1ull << 40,                                     \
            .help = "results that may wait in memory; more wait on disk" },                      \
        { JOB_SETTINGS_ROW(type_, prefix, window), .type = SETTING_NUMBER, .operand = "N",       \
            .fallback_words = "4096", .min = 16, .max = 65536,                                   \
            .help = "how many chunks may be in work ahead of the first unfinished one" },        \
    {                                                                                            \
        JOB_SETTINGS_ROW(type_, prefix, batch),                                                  \
            .type = SETTING_NUMBER, .operand = "N", .fallback_words = "as many as are worth it", \
            .min = 1, .max = 64, .help = "chunks that a worker claims at once"                   \
    }

/* What is said of it on stderr. */
#define JOB_SETTINGS_TALK(type_, prefix)                                                   \
    { JOB_SETTINGS_ROW(type_, prefix, progress), .type = SETTING_CHOICE, .operand = "HOW", \
        .choices = job_settings_progress, .fallback = "auto",                              \
        .help = "how progress is shown on stderr" },                                       \
    {                                                                                      \
        JOB_SETTINGS_ROW(type_, prefix, quiet), .type = SETTING_BOOL,                      \
                                                .help = "no plan, no progress, no summary" \
    }

#endif
