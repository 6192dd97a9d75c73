#ifndef TESTS_SYSTEM_SUITES_H
#define TESTS_SYSTEM_SUITES_H

/* The files of system tests. */

#include "tests/support/harness.h"

extern const struct harness_suite job_result_suite;
extern const struct harness_suite job_input_suite;
extern const struct harness_suite job_storm_suite;
extern const struct harness_suite job_resume_suite;
extern const struct harness_suite job_engine_suite;
extern const struct harness_suite job_command_suite;
extern const struct harness_suite job_client_suite;
extern const struct harness_suite job_wait_suite;
extern const struct harness_suite job_verbs_suite;
extern const struct harness_suite daemon_config_suite;
extern const struct harness_suite daemon_jobs_config_suite;
extern const struct harness_suite daemon_model_suite;
extern const struct harness_suite daemon_pool_suite;
extern const struct harness_suite daemon_reload_suite;
extern const struct harness_suite daemon_reload_socket_suite;
extern const struct harness_suite daemon_reload_fault_suite;
extern const struct harness_suite daemon_reload_storm_suite;
extern const struct harness_suite daemon_handover_suite;
extern const struct harness_suite daemon_mail_suite;
extern const struct harness_suite daemon_mail_peer_suite;
extern const struct harness_suite daemon_setup_suite;
extern const struct harness_suite daemon_notify_suite;
extern const struct harness_suite daemon_activation_suite;
extern const struct harness_suite install_suite;
extern const struct harness_suite daemon_fault_suite;
extern const struct harness_suite daemon_log_suite;
extern const struct harness_suite daemon_log_text_suite;
extern const struct harness_suite daemon_log_room_suite;
extern const struct harness_suite daemon_control_suite;
extern const struct harness_suite daemon_control_fault_suite;
extern const struct harness_suite daemon_control_peer_suite;
extern const struct harness_suite daemon_serve_suite;
extern const struct harness_suite daemon_explain_suite;
extern const struct harness_suite daemon_queue_suite;
extern const struct harness_suite daemon_jobs_keeper_suite;
extern const struct harness_suite doctor_suite;
extern const struct harness_suite daemon_jobs_suite;
extern const struct harness_suite daemon_jobs_storm_suite;
extern const struct harness_suite daemon_jobs_trial_suite;
extern const struct harness_suite daemon_jobs_plan_suite;
extern const struct harness_suite completion_suite;
extern const struct harness_suite bus_suite;
extern const struct harness_suite message_log_suite;
extern const struct harness_suite client_suite;
extern const struct harness_suite client_terminal_suite;
extern const struct harness_suite example_suite;
extern const struct harness_suite chat_suite;
extern const struct harness_suite bad_input_suite;
extern const struct harness_suite chat_pace_suite;
extern const struct harness_suite chat_crowd_suite;
extern const struct harness_suite chat_storm_suite;

#endif
