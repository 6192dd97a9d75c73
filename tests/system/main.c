/* The system tests: one row for each file. */
#include "tests/support/harness.h"
#include "tests/system/suites.h"

int main(int argc, char **argv) {
    const struct harness_suite suites[] = {
        job_result_suite,
        job_input_suite,
        job_storm_suite,
        job_resume_suite,
        job_engine_suite,
        job_command_suite,
        job_client_suite,
        job_wait_suite,
        job_verbs_suite,
        daemon_config_suite,
        daemon_jobs_config_suite,
        daemon_model_suite,
        daemon_pool_suite,
        daemon_reload_suite,
        daemon_reload_socket_suite,
        daemon_reload_fault_suite,
        daemon_reload_storm_suite,
        daemon_handover_suite,
        daemon_mail_suite,
        daemon_mail_peer_suite,
        daemon_setup_suite,
        daemon_notify_suite,
        daemon_activation_suite,
        install_suite,
        daemon_fault_suite,
        daemon_log_suite,
        daemon_log_text_suite,
        daemon_log_room_suite,
        daemon_control_suite,
        daemon_control_fault_suite,
        daemon_control_peer_suite,
        daemon_serve_suite,
        daemon_explain_suite,
        daemon_queue_suite,
        daemon_jobs_keeper_suite,
        doctor_suite,
        daemon_jobs_suite,
        daemon_jobs_storm_suite,
        daemon_jobs_plan_suite,
        completion_suite,
        bus_suite,
        chat_suite,
        chat_storm_suite,
        { .name = NULL },
    };

    return harness_main(argc, argv, suites);
}
